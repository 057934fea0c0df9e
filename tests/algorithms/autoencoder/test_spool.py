from itertools import pairwise

import numpy as np
import pytest

from algorithms.autoencoder.spool import FileSpool, MemorySpool
from algorithms.tabular.features import Features, Layout

LAYOUT = Layout(numbers=2, blocks=(7,))
ROWS, BATCH = 1000, 32


def features(rows=ROWS):
    """Return rows that tell their number in every feature."""
    number = np.arange(rows)
    return Features(np.column_stack([number, -number]).astype(np.float32), (number % 7)[:, None].astype(np.int32))


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr("algorithms.autoencoder.spool.CHUNK_ROWS", 100)


def in_memory(_, seed=0, batch_size=BATCH):
    return MemorySpool(features(), LAYOUT, batch_size=batch_size, seed=seed)


def in_files(folder, seed=0, batch_size=BATCH):
    folder.mkdir()
    spool = FileSpool(folder, LAYOUT, rows=ROWS, batch_size=batch_size, seed=seed)
    for start in range(0, ROWS, 300):
        spool.add(features()[start : start + 300])
    return spool


def order(spool, epoch):
    return np.concatenate([chunk.numbers[:, 0] for chunk in spool.chunks(epoch)]).astype(int).tolist()


@pytest.mark.parametrize("make", [in_memory, in_files])
class TestEverySpool:
    def test_it_gives_every_row_once_an_epoch_and_whole(self, make, tmp_path):
        spool = make(tmp_path / "spool")
        assert spool.count == ROWS
        rows = np.concatenate([chunk.dense(LAYOUT) for chunk in spool.chunks(0)])
        assert np.array_equal(rows[np.argsort(rows[:, 0])], features().dense(LAYOUT))

    def test_every_chunk_but_the_last_holds_whole_batches(self, make, tmp_path):
        *chunks, last = [len(chunk) for chunk in make(tmp_path / "spool").chunks(0)]
        assert len(chunks) > 3
        assert all(rows % BATCH == 0 and rows > 0 for rows in chunks)
        assert (sum(chunks) + last, last % BATCH) == (ROWS, ROWS % BATCH)

    def test_a_batch_may_be_larger_than_a_chunk(self, make, tmp_path):
        chunks = [len(chunk) for chunk in make(tmp_path / "spool", batch_size=400).chunks(0)]
        assert [rows % 400 for rows in chunks] == [0] * (len(chunks) - 1) + [200]

    def test_epochs_and_seeds_differ_and_the_same_again_is_the_same(self, make, tmp_path):
        spool, again = make(tmp_path / "a", seed=1), make(tmp_path / "b", seed=1)
        assert order(spool, 3) == order(again, 3) == order(spool, 3)
        others = [order(spool, 4), order(make(tmp_path / "c", seed=2), 3)]
        assert all(other != order(spool, 3) for other in others)

    def test_rows_that_were_neighbours_are_far_apart(self, make, tmp_path):
        steps = [abs(a - b) for a, b in pairwise(order(make(tmp_path / "spool"), 0))]
        assert np.mean(steps) == pytest.approx(ROWS / 3, rel=0.15)  # as of two rows drawn at random


def test_the_rows_of_a_file_spool_are_not_held_in_memory(tmp_path):
    spool = in_files(tmp_path / "spool")
    assert sum(path.stat().st_size for path in (tmp_path / "spool").iterdir()) == ROWS * LAYOUT.row_bytes
    assert max(len(chunk) for chunk in spool.chunks(0)) < ROWS / 4
