import math

import numpy as np
import pytest

from algorithms.errors import DataError
from algorithms.jobs import ConvertJob
from algorithms.tables.convert import convert
from algorithms.tables.read import read_tables


@pytest.fixture
def read(tmp_path):
    def of(*contents):
        paths = []
        for number, content in enumerate(contents):
            (tmp_path / "in.csv").write_text(content)
            paths.append(tmp_path / f"{number}.parquet")
            convert(ConvertJob(source=tmp_path / "in.csv", parquet=paths[-1]))
        return read_tables(paths)

    return of


def test_the_rows_of_all_files_follow_each_other_whatever_the_order_of_columns(read):
    table = read("a,b\n1,x\n2,y\n", "b,a\nz,3\n")
    assert table.rows == 3
    assert list(table.columns) == ["a", "b"]
    assert table.columns["a"].tolist() == [1, 2, 3]
    assert table.columns["b"].tolist() == ["x", "y", "z"]


def test_equal_texts_share_one_object(read):
    values = read("a,b\nlong text,1\nlong text,2\nlong text,3\n").columns["a"]
    assert len({id(value) for value in values}) == 1


def test_a_column_that_is_text_in_one_file_is_text_in_all(read):
    assert read("a\n1.50\n2\n", "a\n1.5\nx\n007\n").columns["a"].tolist() == ["1.5", "2", "1.5", "x", "007"]
    assert read("a\n2017/01/31\n", "a\nsoon\n").columns["a"].tolist() == ["2017-01-31", "soon"]
    assert read("a\n2017/01/31\n", "a\n5\n").columns["a"].tolist() == ["2017-01-31", "5"]


def test_a_file_without_values_in_a_column_does_not_decide_its_type(read):
    assert read("a,b\n,1\n", "a,b\nx,1\n").columns["a"].tolist() == [None, "x"]
    assert [str(date)[:10] for date in read("a,b\n,1\n", "a,b\n2017-01-31,1\n").columns["a"]] == ["NaT", "2017-01-31"]
    assert math.isnan(read("a,b\n,1\n", "a,b\n,1\n").columns["a"][1])


def test_missing_cells_stay_missing_between_types(read):
    assert read("a,b\n1,1\n,1\n", "a,b\nx,1\n").columns["a"].tolist() == ["1", None, "x"]


def test_long_ids_are_not_rounded_between_types(read):
    assert read("a\n7.0\n", "a\n9007199254740993\n").columns["a"].tolist() == ["7", "9007199254740993"]


def test_only_the_columns_asked_for_are_read(tmp_path):
    (tmp_path / "in.csv").write_text("a,b\n1,x\n2,y\n")
    convert(ConvertJob(source=tmp_path / "in.csv", parquet=tmp_path / "0.parquet"))
    table = read_tables([tmp_path / "0.parquet"], ["b"])
    assert (table.rows, list(table.columns)) == (2, ["b"])


@pytest.mark.parametrize(
    ("second", "why"),
    [
        ("a\n1\n", "file 2 of 2 does not have the columns of the first: it lacks b"),
        ("a,b,c\n1,2,3\n", "it adds c"),
        ("a,B\n1,2\n", "it lacks b and adds B"),
    ],
)
def test_files_with_other_columns_are_refused(read, second, why):
    with pytest.raises(DataError, match=why) as failure:
        read("a,b\n1,2\n", second)
    assert "file" in failure.value.errors


def test_no_file_is_refused():
    with pytest.raises(DataError, match="upload a file first"):
        read_tables([])


def test_numbers_are_float64_dates_microseconds_and_text_objects(read):
    table = read("a,b,c\n1,x,2017-01-31\n")
    assert [values.dtype for values in table.columns.values()] == [
        np.dtype("float64"),
        np.dtype("O"),
        np.dtype("datetime64[us]"),
    ]
