import csv
import gzip

import numpy as np
import pyarrow as pa
import pytest

from algorithms.errors import DataError
from algorithms.graphbean.encoder import GraphEncoder
from algorithms.graphbean.lifting import lift_labels
from algorithms.graphbean.params import GraphFeederParams
from algorithms.graphbean.reading import coded_of_arrow, read_interactions
from algorithms.jobs import ConvertJob
from algorithms.labels import binary_labels
from algorithms.tables.convert import convert
from algorithms.tables.source import TableFiles


@pytest.fixture
def converted(tmp_path):
    def of(*contents):
        paths = []
        for number, content in enumerate(contents):
            (tmp_path / "in.csv").write_text(content)
            paths.append(tmp_path / f"{number}.parquet")
            convert(ConvertJob(source=tmp_path / "in.csv", parquet=paths[-1]))
        return paths

    return of


def feeder(**columns):
    return GraphFeederParams(**{"u_column": "u", "v_column": "v", **columns})


def texts_of(coded):
    return [None if code < 0 else coded.texts[code] for code in coded.codes.tolist()]


def ids(*paths):
    return texts_of(read_interactions(paths, feeder()).coded["u"])


def test_only_the_columns_of_the_feeder_are_read(converted):
    paths = converted("u,v,n,label,unused\na,x,1,0,q\nb,x,,1,q\n")
    rows = read_interactions(paths, feeder(numeric_columns=["n"], label_column="label"))
    assert rows.rows == 2
    assert rows.coded.keys() == {"u", "v"}
    assert rows.numbers["n"].tolist()[0] == 1
    assert np.isnan(rows.numbers["n"][1])
    assert rows.columns == ("u", "v", "n", "label", "unused")


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["a", "b", "", "a", " a "], ["a", "b", None, "a", " a "]),
        (["7", "7.0", "-0", "0", ""], ["7", "7", "0", "0", None]),
        (["2.5", "", "-0.0", "1e3", "2.50", "1e300"], ["2.5", None, "0", "1000", "2.5", "1e+300"]),
        (["007", "7", "7.0"], ["007", "7", "7.0"]),
        (["9007199254740993", "9007199254740992"], ["9007199254740993", "9007199254740992"]),
        (["2017-01-31", "2017/01/31", "2017-01-31 10:00"], ["2017-01-31", "2017-01-31", "2017-01-31T10:00:00"]),
    ],
)
def test_ids_are_texts_as_they_are_written_and_numbers_in_their_shortest_form(converted, cells, expected):
    assert ids(*converted("u,v\n" + "".join(f"{cell},x\n" for cell in cells))) == expected


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (["a", "b"], ["b", "c"], ["a", "b", "b", "c"]),
        (["1", "2"], ["2", "3"], ["1", "2", "2", "3"]),
        (["1", "2.0"], ["2", "x"], ["1", "2", "2", "x"]),
        (["", ""], ["a", "b"], [None, None, "a", "b"]),
        (["", ""], ["2", "3"], [None, None, "2", "3"]),
        (["2017-01-31", ""], ["a", "b"], ["2017-01-31", None, "a", "b"]),
    ],
)
def test_several_files_are_one_column_whatever_their_types(converted, first, second, expected):
    paths = converted(*("u,v\n" + "".join(f"{cell},x\n" for cell in cells) for cells in (first, second)))
    assert ids(*paths) == expected


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_chunks_of_texts_share_their_codes_however_far_their_offsets_reach(monkeypatch, kind):
    monkeypatch.setattr("algorithms.graphbean.reading._REACH", 10 if kind == pa.large_string() else 2**31)
    coded = coded_of_arrow(pa.chunked_array([["a", "b", None], ["b", "가나다라", "a"]]))
    assert coded.codes.tolist() == [0, 1, -1, 1, 2, 0]
    assert list(coded.texts) == ["a", "b", "가나다라"]


def test_a_column_without_any_value_is_all_missing(converted):
    assert ids(*converted("u,v\n,x\nNA,x\n")) == [None, None]
    assert ids(*converted("u,v\n,x\n", "u,v\n,x\n")) == [None, None]


def test_numbers_stored_as_text_are_read_as_numbers(converted):
    paths = converted("u,v,n\na,x,1\n", "u,v,n\na,x,9007199254740993.5\nb,x,2.5\nb,x,\n")
    rows = read_interactions(paths, feeder(numeric_columns=["n"]))
    assert rows.numbers["n"].tolist()[:3] == [1, 9007199254740993.5, 2.5]


@pytest.mark.parametrize(
    ("content", "columns", "parameter", "why"),
    [
        ("u,w\na,x\n", {}, "v_column", "no such column: v; the data have: u, w"),
        ("u,v\na,x\n", {"count_distinct": ["c", "d"]}, "count_distinct", "no such column: c, d"),
        ("u,v\na,x\n", {"numeric_columns": ["n"]}, "numeric_columns", "no such column: n"),
        ("u,v\na,x\n", {"encode_column": ["p"]}, "encode_column", "no such column: p"),
        (
            "u,v,n\na,x,1\na,x,\nb,x,many\nb,x,few\n",
            {"numeric_columns": ["n"]},
            "numeric_columns",
            "n row 3 has 'many', which is no number, or one too large: correct the cell, leave the column out, or put",
        ),
        ("u,v,n\na,x,inf\nb,x,z\n", {"numeric_columns": ["n"]}, "numeric_columns", "n row 1 has 'inf'"),
        ("u,v,n\na,x,2017-01-31\n", {"numeric_columns": ["n"]}, "numeric_columns", "n holds dates"),
    ],
)
def test_columns_that_do_not_fit_are_refused_by_the_parameter_that_names_them(
    converted, content, columns, parameter, why
):
    with pytest.raises(DataError) as failure:
        read_interactions(converted(content), feeder(**columns))
    assert list(failure.value.errors) == [parameter]
    assert failure.value.errors[parameter][0].startswith(why)


def test_every_parameter_that_does_not_fit_is_named_at_once(converted):
    with pytest.raises(DataError) as failure:
        read_interactions(converted("a,b\n1,2\n"), feeder(encode_column=["p"]))
    assert failure.value.errors.keys() == {"u_column", "v_column", "encode_column"}


def test_u_and_v_must_be_named(converted):
    with pytest.raises(DataError, match=r"u_column is not set: name the column .*; v_column is not set"):
        read_interactions(converted("u,v\na,x\n"), GraphFeederParams())


def test_no_file_is_refused():
    with pytest.raises(DataError, match="upload a file first"):
        read_interactions([], feeder())


@pytest.mark.shared_data
def test_the_health_claims_give_the_graph_of_the_article(shared_data, tmp_path):
    folder = shared_data / "healthcare"
    with (folder / "Train-1542865627584.csv").open(newline="") as file:
        fraud = {row["Provider"]: row["PotentialFraud"] for row in csv.DictReader(file)}
    with (
        gzip.open(folder / "Train_Inpatientdata-1542865627584.csv.gz", "rt", newline="") as claims,
        (tmp_path / "claims.csv").open("w", newline="") as joined,
    ):
        rows = csv.reader(claims)
        header = next(rows)
        writer = csv.writer(joined)
        writer.writerow([*header, "PotentialFraud"])
        provider = header.index("Provider")
        writer.writerows([*row, fraud[row[provider]]] for row in rows)
    parquet = tmp_path / "claims.parquet"
    assert convert(ConvertJob(source=tmp_path / "claims.csv", parquet=parquet))["rows"] == 40_474
    parameters = GraphFeederParams(
        u_column="BeneID",
        v_column="AttendingPhysician",
        count_distinct=["ClaimID", "Provider"],
        numeric_columns=["InscClaimAmtReimbursed"],
        label_column="PotentialFraud",
    )
    interactions = read_interactions([parquet], parameters)
    made = GraphEncoder.fit(interactions, parameters).graph(interactions)
    assert made.graph.sizes == (31_245, 11_604, 38_559)
    assert made.graph.widths == (5, 5, 4)
    assert made.left_out == {"u": 0, "v": 112, "both": 0}
    assert made.rows.e.sum() == 40_474 - 112
    amounts = interactions.numbers["InscClaimAmtReimbursed"][made.edge_of_row >= 0].sum()
    assert [part[:, width - 2].sum() for part, width in zip(made.graph.x, (5, 5, 4), strict=True)] == [amounts] * 3
    labels, _ = binary_labels(TableFiles([parquet]).column("PotentialFraud"), "PotentialFraud")
    assert labels.mean() == pytest.approx(0.578, abs=5e-4)
    lifted = lift_labels(labels, made, 0.5)
    assert lifted.e.mean() == pytest.approx(labels[made.edge_of_row >= 0].mean(), abs=0.01)
