import io

import numpy as np
import pandas as pd
import pytest

from algorithms.errors import DataError
from algorithms.jobs import ConvertJob
from algorithms.tables.convert import convert
from algorithms.tables.source import TableFiles
from algorithms.tabular.table import Table, texts_of


@pytest.fixture
def table():
    return Table(
        {
            "n": np.array([1.0, np.nan, 3.0]),
            "t": np.array(["a", None, "c"], dtype=object),
            "d": np.array(["2017-01-31", "NaT", "2017-02-01T10:00:00.5"], dtype="datetime64[us]"),
        },
        rows=3,
    )


def test_it_knows_the_types_of_its_columns(table):
    assert table.types == {"n": "number", "t": "text", "d": "date"}


@pytest.mark.parametrize("rows", [np.array([2, 0]), np.array([2, 0], dtype=np.int32), np.array([True, False, True])])
def test_it_takes_rows_by_number_or_mask(table, rows):
    taken = table.take(rows)
    assert taken.rows == 2
    assert taken.columns["t"].tolist() == table.columns["t"][rows].tolist()


def test_it_refuses_columns_of_another_length_or_type():
    with pytest.raises(ValueError, match="column a has shape"):
        Table({"a": np.zeros(3)}, rows=2)
    with pytest.raises(TypeError, match="column a is int64"):
        Table({"a": np.array([1, 2])}, rows=2)


def test_every_type_has_a_text(table):
    assert texts_of(table.columns["n"]).tolist() == ["1", None, "3"]
    assert texts_of(table.columns["t"]).tolist() == ["a", None, "c"]
    assert texts_of(table.columns["d"]).tolist() == ["2017-01-31", None, "2017-02-01T10:00:00.500000"]


FRAME = pd.DataFrame(
    {
        "int": [1, 2, 3],
        "nullable": pd.array([1, None, 3], dtype="Int64"),
        "float32": np.array([0.5, np.nan, 2], dtype=np.float32),
        "mixed numbers": pd.Series([1, 2.5, None], dtype=object),
        "bool": [True, False, True],
        "str": ["x", None, "NA"],
        "category": pd.Categorical(["u", "v", None]),
        "object": pd.Series(["x", 7, None], dtype=object),
        "date": pd.to_datetime(["2017-01-31", None, "2017-02-01 10:00"], format="ISO8601"),
        "zoned": pd.to_datetime(["2017-01-31 09:00+09:00", None, "2017-02-01 10:00+09:00"]),
        "empty": [None, None, None],
    }
)


def test_a_data_frame_gives_typed_columns():
    table = Table.from_frame(FRAME)
    assert table.rows == 3
    assert table.types == {
        "int": "number", "nullable": "number", "float32": "number", "mixed numbers": "number", "bool": "text",
        "str": "text", "category": "text", "object": "text", "date": "date", "zoned": "date", "empty": "text",
    }  # fmt: skip
    assert np.isnan(table.columns["nullable"][1])
    assert table.columns["bool"].tolist() == ["True", "False", "True"]
    assert table.columns["str"].tolist() == ["x", None, None]
    assert table.columns["category"].tolist() == ["u", "v", None]
    assert table.columns["object"].tolist() == ["x", "7", None]
    assert str(table.columns["zoned"][0]) == "2017-01-31T00:00:00.000000"


def test_a_data_frame_gives_what_its_csv_file_gives(tmp_path):
    frame = FRAME.drop(columns="empty")
    text = io.StringIO()
    frame.to_csv(text, index=False)
    (tmp_path / "in.csv").write_text(text.getvalue())
    convert(ConvertJob(source=tmp_path / "in.csv", parquet=tmp_path / "out.parquet"))
    from_file = TableFiles([tmp_path / "out.parquet"]).table()
    from_frame = Table.from_frame(frame)
    assert from_frame.types == from_file.types
    for name, values in from_frame.columns.items():
        np.testing.assert_array_equal(values, from_file.columns[name], err_msg=name)


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        (pd.DataFrame({"a": [1.0, np.inf]}), "column a: row 2 is infinite"),
        (pd.DataFrame({"a": pd.to_timedelta([1, 2])}), "column a is timedelta64"),
        (pd.DataFrame({"a": [1j, 2j]}), "column a is complex128"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "more than one column is named a"),
        (pd.DataFrame([[1, 2]], columns=["1", 1]), "more than one column is named 1"),
    ],
)
def test_it_refuses_frames_it_cannot_hold_and_names_the_column(frame, why):
    with pytest.raises(DataError, match=why):
        Table.from_frame(frame)
