import numpy as np
import pytest

from algorithms.jobs import ConvertJob
from algorithms.tables.convert import convert
from algorithms.tables.source import TableFiles
from algorithms.tabular.table import MOST_BLOCK_ROWS
from benchmarks.generated import LABEL, blocks, write_csv, write_parquet

ROWS = MOST_BLOCK_ROWS + 100


def test_a_row_is_the_same_however_many_are_made():
    few, many = list(blocks(1000)), list(blocks(ROWS))
    assert [len(block[LABEL]) for block in many] == [MOST_BLOCK_ROWS, 100]
    assert all(np.array_equal(few[0][name], values[:1000], equal_nan=values.dtype.kind == "f")
               for name, values in many[0].items())  # fmt: skip
    assert not np.array_equal(many[0]["price"][:100], many[1]["price"])
    assert not np.array_equal(next(blocks(100, seed=1))["price"], many[0]["price"][:100])


def test_there_are_numbers_a_date_two_categories_and_a_rare_label():
    [block] = blocks(50_000)
    kinds = [values.dtype.kind for values in block.values()]
    assert [kinds.count(kind) for kind in "fMUi"] == [26, 1, 2, 1]
    assert block[LABEL].mean() == pytest.approx(0.01, rel=0.2)
    assert [len(np.unique(block[name])) for name in ("branch", "article")] == [100, 1000]


def test_the_csv_file_becomes_the_parquet_file(tmp_path):
    write_csv(tmp_path / "rows.csv", 3000)
    write_parquet(tmp_path / "rows.parquet", 3000)
    result = convert(ConvertJob(source=tmp_path / "rows.csv", parquet=tmp_path / "converted.parquet"))
    assert result["notices"] == []
    converted, written = (TableFiles([tmp_path / f"{name}.parquet"]).table() for name in ("converted", "rows"))
    assert converted.types == written.types
    for name, values in written.columns.items():
        np.testing.assert_array_equal(converted.columns[name], values, err_msg=name)
