import math
from itertools import islice

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from algorithms.errors import DataError
from algorithms.jobs import ConvertJob
from algorithms.tables.convert import convert
from algorithms.tables.source import TableFiles
from algorithms.tabular.table import Table, block_rows

ROWS = 1000


def column_of(name, rng, count):
    if name == "t":
        return pa.array(rng.choice(["red", "green", None], count).tolist(), pa.string())
    if name == "d":
        return pa.array(rng.integers(0, 10**15, count), pa.timestamp("us"))
    return pa.array(rng.normal(size=count), mask=rng.random(count) < 0.1)


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """Give two files of 700 and 300 rows, in row groups of 64, the second with its columns in another order."""
    folder, rng = tmp_path_factory.mktemp("files"), np.random.default_rng(0)
    for number, (names, count) in enumerate([("ntd", 700), ("dnt", 300)]):
        columns = pa.table({name: column_of(name, rng, count) for name in names})
        pq.write_table(columns, folder / f"{number}.parquet", row_group_size=64)
    return [folder / "0.parquet", folder / "1.parquet"]


@pytest.fixture(params=["files", "memory"])
def source(request, paths):
    files = TableFiles(paths)
    return files if request.param == "files" else files.table()


@pytest.fixture(scope="module")
def whole(paths):
    return TableFiles(paths).table()


@pytest.fixture
def files_of(tmp_path):
    def of(*contents):
        paths = []
        for number, content in enumerate(contents):
            (tmp_path / "in.csv").write_text(content)
            paths.append(tmp_path / f"{number}.parquet")
            convert(ConvertJob(source=tmp_path / "in.csv", parquet=paths[-1]))
        return TableFiles(paths)

    return of


def assert_equal(table, expected):
    assert table.rows == expected.rows
    assert table.types == expected.types
    for name, values in expected.columns.items():
        np.testing.assert_array_equal(table.columns[name], values, err_msg=name)


class TestEverySource:
    def test_knows_its_rows_columns_and_types(self, source):
        assert source.rows == ROWS
        assert list(source.columns) == ["n", "t", "d"]
        assert source.types == {"n": "number", "t": "text", "d": "date"}

    @pytest.mark.parametrize("size", [1, 63, 64, 100, 700, 999, 1000, 5000])
    def test_gives_all_rows_in_blocks_of_one_size(self, source, whole, size):
        blocks = list(source.batches(rows_at_once=size))
        assert [block.rows for block in blocks] == [size] * (ROWS // size) + [ROWS % size] * (ROWS % size > 0)
        for name, values in whole.columns.items():
            np.testing.assert_array_equal(np.concatenate([block.columns[name] for block in blocks]), values)

    def test_gives_the_columns_asked_for(self, source, whole):
        [block] = source.batches(["d", "n"])
        assert list(block.columns) == ["d", "n"]
        assert list(source.take(np.array([3]), ["t"]).columns) == ["t"]
        np.testing.assert_array_equal(source.column("t"), whole.columns["t"])

    @pytest.mark.parametrize("rows", [[ROWS], [0, 5 * ROWS]])
    def test_has_no_more_rows_than_it_says(self, source, rows):
        with pytest.raises(IndexError):
            source.take(np.array(rows))

    @pytest.mark.parametrize("rows", [[0], [999], [3, 64, 65, 699, 700, 998], [800, 2, 700, 2], []])
    def test_gives_the_rows_asked_for_in_their_order(self, source, whole, rows):
        assert_equal(source.take(np.array(rows, np.int64)), whole.take(np.array(rows, np.int64)))


def test_blocks_of_wide_tables_have_fewer_rows():
    assert [block_rows(columns) for columns in (0, 1, 64, 128, 4096)] == [65_536, 65_536, 65_536, 32_768, 1024]


def test_equal_texts_of_a_row_group_share_one_object(paths):
    for block in islice(TableFiles(paths).batches(["t"], 64), 10):
        assert {id(text) for text in block.columns["t"]} == {id(text) for text in set(block.columns["t"].tolist())}


def test_types_are_known_without_reading_values(files_of):
    files = files_of("a,b,c,d\n1.50,,2017/01/31,\n", "a,b,c,d\nx,7,soon,\n", "a,b,c,d\n,8,,\n")
    assert files.types == {"a": "text", "b": "number", "c": "text", "d": "number"}
    [block] = files.batches()
    assert_equal(block, files.table())
    assert block.columns["a"].tolist() == ["1.5", "x", None]
    assert block.columns["b"].tolist()[1:] == [7, 8]
    assert block.columns["c"].tolist() == ["2017-01-31", "soon", None]
    assert_equal(files.take(np.array([2, 0])), block.take(np.array([2, 0])))


def test_what_was_read_is_not_kept(tmp_path):
    numbers = pa.table({"n": np.random.default_rng(0).normal(size=500_000)})
    pq.write_table(numbers, tmp_path / "0.parquet", row_group_size=10_000)
    before, held = pa.total_allocated_bytes(), 0
    for _ in TableFiles([tmp_path / "0.parquet"]).batches(rows_at_once=10_000):
        held = max(held, pa.total_allocated_bytes() - before)
    assert 0 < held < numbers.nbytes / 5


def test_a_table_in_memory_gives_views():
    numbers = np.arange(10.0)
    assert all(np.shares_memory(block.columns["n"], numbers) for block in Table({"n": numbers}, 10).batches(None, 3))


@pytest.fixture
def read(files_of):
    return lambda *contents: files_of(*contents).table()


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
        TableFiles([])


def test_numbers_are_float64_dates_microseconds_and_text_objects(read):
    table = read("a,b,c\n1,x,2017-01-31\n")
    assert [values.dtype for values in table.columns.values()] == [
        np.dtype("float64"),
        np.dtype("O"),
        np.dtype("datetime64[us]"),
    ]


class TestFilesOfOtherPrograms:
    """Parquet files that the conversion did not write."""

    @pytest.fixture
    def written(self, tmp_path):
        def write(*contents, row_group_size=None):
            paths = [tmp_path / f"{number}.parquet" for number in range(len(contents))]
            for path, columns in zip(paths, contents, strict=True):
                pq.write_table(pa.table(columns), path, row_group_size=row_group_size)
            return TableFiles(paths, "evaldata")

        return write

    def test_their_numbers_texts_and_dates_are_read(self, written):
        files = written(
            {
                "whole": pa.array([1, 2]),
                "flag": pa.array([True, False]),
                "long": pa.array(["a", "NA"], pa.large_string()),
                "category": pa.array(["a", "b"]).dictionary_encode(),
                "day": pa.array([0, 1], pa.date32()),
                "time": pa.array([0, 10**9], pa.timestamp("ns", "Asia/Seoul")),
                "nothing": pa.nulls(2),
            }
        )
        assert list(files.types.values()) == ["number", "number", "text", "text", "date", "date", "number"]
        rows = zip(*(values.tolist() for values in files.table().columns.values()), strict=True)
        epoch = np.datetime64(0, "us").item()
        assert next(rows)[:6] == (1.0, 1.0, "a", "a", epoch, epoch)
        assert next(rows)[:4] == (2.0, 0.0, None, "b")

    def test_a_column_of_one_type_but_two_widths_is_not_mixed(self, written):
        files = written({"x": pa.array([1], pa.int8())}, {"x": pa.array([1.5])}, {"x": pa.nulls(1)})
        assert files.types == {"x": "number"}
        np.testing.assert_array_equal(files.column("x"), [1, 1.5, np.nan])

    def test_long_whole_numbers_keep_their_digits_beside_text(self, written):
        assert written({"x": [2**53 + 1]}, {"x": ["a"]}).column("x").tolist() == ["9007199254740993", "a"]

    def test_another_type_is_refused_with_node_file_and_column(self, written):
        with pytest.raises(DataError, match=r"evaldata, file 2 of 2: column x is of type list.*; convert it"):
            written({"x": [1]}, {"x": [[1]]})

    def test_a_column_that_is_there_twice_is_refused(self, tmp_path):
        twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["x", "x"])
        pq.write_table(twice, tmp_path / "twice.parquet")
        with pytest.raises(DataError, match="column x is there twice; rename one"):
            TableFiles([tmp_path / "twice.parquet"])

    def test_an_infinite_number_is_refused_with_the_row_of_its_file(self, written):
        files = written({"x": [1.0, 2.0]}, {"x": [1.0, 2.0, 3.0, -np.inf]}, row_group_size=2)
        for read in (files.table, lambda: list(files.batches(rows_at_once=1))):
            with pytest.raises(
                DataError, match=r"evaldata, file 2 of 2: column x: row 4 is infinite; correct the cell"
            ):
                read()

    def test_the_node_is_named_when_files_differ(self, written):
        with pytest.raises(DataError, match="evaldata: file 2 of 2 does not have the columns of the first"):
            written({"x": [1]}, {"y": [1]})

    def test_a_row_before_the_first_is_none(self, written):
        with pytest.raises(IndexError, match="rows -1 to 0 were asked for; there are rows 0 to 1"):
            written({"x": [1, 2]}).take(np.array([0, -1]))
