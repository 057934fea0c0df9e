from itertools import pairwise

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from algorithms.tables.row_groups import RowGroupWriter
from algorithms.tabular.table import MOST_BLOCK_ROWS


@pytest.fixture
def groups(tmp_path):
    def of(*batches):
        with (tmp_path / "out.parquet").open("wb") as file, RowGroupWriter(file, batches[0].schema) as writer:
            for batch in batches:
                writer.write(batch)
        read = pq.ParquetFile(tmp_path / "out.parquet")
        assert read.read().equals(pa.Table.from_batches(batches))
        return [read.metadata.row_group(group).num_rows for group in range(read.num_row_groups)]

    return of


def numbers(first, last):
    return pa.record_batch({"n": pa.array([float(number) for number in range(first, last)])})


def test_row_groups_have_the_rows_of_a_block_whatever_the_batches(groups):
    bounds = [0, 10, 50_000, 150_000, 200_000]
    batches = [numbers(first, last) for first, last in pairwise(bounds)]
    assert groups(*batches) == [MOST_BLOCK_ROWS] * 3 + [200_000 - 3 * MOST_BLOCK_ROWS]


def test_row_groups_of_wide_tables_have_fewer_rows(groups):
    assert groups(pa.record_batch({f"c{i}": pa.array([0.0] * 3000) for i in range(4096)})) == [1024, 1024, 952]


def test_row_groups_of_long_texts_end_early(groups):
    long = pa.record_batch({"t": pa.array([f"{number}" + "x" * 1_000_000 for number in range(34)])})
    assert groups(long, long, long) == [68, 34]


def test_no_rows_make_a_file_without_row_groups(groups):
    assert groups(numbers(0, 0)) == []
