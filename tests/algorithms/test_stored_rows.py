import numpy as np
import pytest

from algorithms.stored_rows import RowsWriter, StoredRows

ROWS = np.arange(30, dtype=np.float32).reshape(10, 3)


@pytest.fixture
def stored(tmp_path):
    return StoredRows.write(tmp_path / "rows.npy", [ROWS[:4], ROWS[4:4], ROWS[4:]], ROWS.shape, np.float32)


def test_parts_become_one_array_that_numpy_reads(stored):
    assert np.array_equal(np.load(stored.path), ROWS)


def test_rows_are_read_as_from_an_array(stored):
    for rows in (3, slice(2, 5), np.array([7, 1])):
        assert np.array_equal(stored[rows], ROWS[rows])
    assert type(stored[2:5]) is np.ndarray


def test_too_few_rows_are_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"rows\.npy was to have 10 rows, 4 came"):
        StoredRows.write(tmp_path / "rows.npy", [ROWS[:4]], ROWS.shape, np.float32)


def test_rows_are_appended_however_many_come(tmp_path):
    with RowsWriter(tmp_path / "rows.npy", np.float32, 3) as writer:
        for _ in range(40):
            writer.append(ROWS)
    assert np.array_equal(np.load(tmp_path / "rows.npy", mmap_mode="r"), np.concatenate([ROWS] * 40))
    with RowsWriter(tmp_path / "none.npy", np.int64):
        pass
    assert np.load(tmp_path / "none.npy").tolist() == []


def test_rows_of_another_shape_are_an_error(tmp_path):
    with RowsWriter(tmp_path / "rows.npy", np.float32, 2) as writer, pytest.raises(ValueError, match="expected"):
        writer.append(ROWS)
