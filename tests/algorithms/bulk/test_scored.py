import csv
import subprocess
import sys

import numpy as np
import pytest

from algorithms.bulk.scored import ScoredRows, read_summary


@pytest.fixture
def scored(score, frame):
    return score(frame.assign(id=[None, 'a "b", c', *frame["id"][2:]]), keep=("id", "count"))


def test_rows_come_in_the_order_of_the_file_or_by_falling_score(scored):
    rows, parquet = ScoredRows(scored.artifact), scored.parquet
    assert len(rows) == 600
    assert [row["row"] for row in rows.rows(5, 8, by_score=False)] == [5, 6, 7]
    by_score = [row["score"] for row in rows.rows(0, 600)]
    assert by_score == sorted(parquet["score"], reverse=True)
    assert len(rows.rows(590, 700)) == 10
    assert rows.rows(700, 800) == []


def test_a_row_is_that_of_the_parquet_file(scored):
    row, [given] = scored.parquet.loc[7], ScoredRows(scored.artifact).at([7])
    assert given["kept"] == {"id": "M-7", "count": f"{row['count']:.0f}"}
    assert (given["score"], given["anomaly"]) == (row["score"], row["anomaly"])
    assert given["percentile"] == pytest.approx(row["percentile"])
    assert [driver["column"] for driver in given["drivers"]] == [row[f"driver_{place}"] for place in (1, 2, 3)]
    assert given["drivers"][0]["share"] == pytest.approx(row["driver_1_share"])


def test_there_is_no_row_before_the_first_or_after_the_last(scored):
    for row in (-1, 600):
        with pytest.raises(IndexError, match=f"there is no row {row}; there are rows 0 to 599"):
            ScoredRows(scored.artifact).at([row])


@pytest.mark.parametrize("by_score", [True, False])
def test_the_csv_file_has_the_rows_of_the_parquet_file(scored, by_score):
    given = list(csv.DictReader("".join(ScoredRows(scored.artifact).csv(by_score=by_score)).splitlines()))
    parquet = scored.parquet.iloc[np.load(scored.artifact / "order.npy")] if by_score else scored.parquet
    assert list(given[0]) == list(parquet.columns)
    assert [int(row["row"]) for row in given] == parquet["row"].tolist()
    assert [float(row["score"]) for row in given] == parquet["score"].tolist()
    assert [row["driver_2"] for row in given] == parquet["driver_2"].tolist()
    assert {row["id"] for row in given if int(row["row"]) < 2} == {"", 'a "b", c'}


def test_a_kept_column_without_any_value_is_read_too(score, frame):
    scored = score(frame.assign(id=[None] * 600), keep=("id",))
    assert ScoredRows(scored.artifact).rows(0, 1)[0]["kept"] == {"id": ""}


def test_reading_needs_no_library_of_training(scored):
    code = (
        "import sys; from pathlib import Path; from algorithms.bulk.scored import ScoredRows\n"
        f"ScoredRows(Path({str(scored.artifact)!r})).rows(0, 10)\n"
        "print({'pyarrow', 'pandas', 'tensorflow', 'sklearn', 'onnxruntime'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_summary_is_read_by_itself(scored):
    assert read_summary(scored.artifact) == scored.summary
