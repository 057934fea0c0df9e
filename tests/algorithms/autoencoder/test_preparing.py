import numpy as np
import pytest

from algorithms.autoencoder import preparing
from algorithms.autoencoder.params import AutoencoderParams
from algorithms.autoencoder.preparing import prepare
from algorithms.autoencoder.recipe import resolve_recipe
from algorithms.autoencoder.split import split_rows
from algorithms.autoencoder.spool import FileSpool, MemorySpool
from algorithms.tabular.encoder import TabularEncoder
from algorithms.tabular.params import TabularFeederParams
from algorithms.tabular.table import Table

ROWS = 500
PLENTY, LITTLE = 2**30, 2**10


@pytest.fixture(scope="module")
def table():
    """Return rows that tell their number."""
    number = np.arange(ROWS)
    return Table({"number": number.astype(float), "kind": np.array(["a", "b", "c"], dtype=object)[number % 3]}, ROWS)


@pytest.fixture(scope="module")
def encoder(table):
    return TabularEncoder.fit(table, TabularFeederParams(), scaling="none")


@pytest.fixture(scope="module")
def split():
    return split_rows(ROWS, None, AutoencoderParams(validation_split=0.2), TabularFeederParams())


@pytest.fixture(scope="module")
def recipe(split):
    return resolve_recipe(AutoencoderParams(), TabularFeederParams(), rows=len(split.train))


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr("algorithms.tabular.table.MOST_BLOCK_ROWS", 64)


@pytest.mark.parametrize(("memory", "kind"), [(None, MemorySpool), (PLENTY, MemorySpool), (LITTLE, FileSpool)])
def test_rows_wait_in_memory_while_they_fit_and_in_files_when_they_do_not(
    table, encoder, split, recipe, tmp_path, memory, kind
):
    with prepare(table, encoder, split, recipe, memory_bytes=memory, folder=tmp_path) as prepared:
        assert type(prepared.spool) is kind
        rows = np.concatenate([chunk.dense(encoder.layout) for chunk in prepared.spool.chunks(0)])
        by_number = rows[np.argsort(rows[:, 0])]
        assert by_number[:, 0].tolist() == split.train.tolist()
        assert np.array_equal(prepared.held_out.numbers[:, 0], split.held_out)
        # What belongs to a row stays with it.
        trained = encoder.transform(table.take(split.train))
        assert np.array_equal(by_number, trained.dense(encoder.layout))
    assert list(tmp_path.iterdir()) == []


def test_of_many_held_out_rows_a_random_part_is_watched(table, encoder, split, recipe, monkeypatch):
    monkeypatch.setattr(preparing, "MOST_HELD_OUT", 30)
    with prepare(table, encoder, split, recipe) as prepared:
        watched = prepared.held_out.numbers[:, 0].astype(int)
    assert len(watched) == len(set(watched.tolist())) == 30
    assert set(watched.tolist()) <= set(split.held_out.tolist())
    assert watched.max() - watched.min() > ROWS / 2
