"""Encodes the rows of a split, a block at a time: those that train into a spool, those held out into memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

from algorithms.autoencoder.recipe import Recipe
from algorithms.autoencoder.split import Rows, Split
from algorithms.autoencoder.spool import FileSpool, MemorySpool, Spool
from algorithms.tabular.encoder import TabularEncoder
from algorithms.tabular.features import Features, Layout
from algorithms.tabular.source import TableSource

SPOOL_SHARE = 1 / 8
"""Share of the memory that rows which train may take; more of them go to files."""
MOST_HELD_OUT = 100_000
"""Held-out rows that the loss is measured on after every epoch."""


class Prepared(NamedTuple):
    """Encoded rows: those that train, and those held out, of many a random part."""

    spool: Spool
    held_out: Features


@contextmanager
def prepare(
    source: TableSource,
    encoder: TabularEncoder,
    split: Split,
    recipe: Recipe,
    *,
    memory_bytes: int | None = None,
    folder: Path | None = None,
) -> Iterator[Prepared]:
    """Give the rows of a split, encoded; they wait in memory, or in files when `memory_bytes` is little for them.

    The files are in a folder of their own within `folder` (by default that of temporary files), gone afterwards.
    """
    layout, order = encoder.layout, {"batch_size": recipe.batch_size, "seed": recipe.seed}
    watched = _at_most(MOST_HELD_OUT, split.held_out, recipe.seed)
    held_out = _Collection(len(watched), layout)
    with TemporaryDirectory(prefix="rows-", dir=folder) as name:
        if memory_bytes is None or len(split.train) * layout.row_bytes <= memory_bytes * SPOOL_SHARE:
            training = _Collection(len(split.train), layout)
            _encode(source, encoder, [(split.train, training), (watched, held_out)])
            yield Prepared(MemorySpool(training.features, layout, **order), held_out.features)
        else:
            files = FileSpool(Path(name), layout, rows=len(split.train), **order)
            _encode(source, encoder, [(split.train, files), (watched, held_out)])
            yield Prepared(files, held_out.features)


class _Collection:
    """So many rows, filled in as they come."""

    def __init__(self, rows: int, layout: Layout) -> None:
        self.features = Features.empty(rows, layout)
        self._filled = 0

    def add(self, features: Features) -> None:
        rows = slice(self._filled, self._filled + len(features))
        self.features.numbers[rows], self.features.slots[rows] = features.numbers, features.slots
        self._filled = rows.stop


def _encode(source: TableSource, encoder: TabularEncoder, wanted: list[tuple[Rows, _Collection | FileSpool]]) -> None:
    """Give each destination the rows with its numbers (ascending)."""
    start = 0
    for block in source.batches(list(encoder.columns)):
        features, end = encoder.transform(block), start + block.rows
        for rows, destination in wanted:
            within = rows[np.searchsorted(rows, start) : np.searchsorted(rows, end)]
            destination.add(features.take(within - start))
        start = end


def _at_most(count: int, rows: Rows, seed: int) -> Rows:
    """Return the rows, or so many of them at random, ascending."""
    if len(rows) <= count:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, count, replace=False))
