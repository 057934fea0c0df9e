"""The rows that train, in a new random order every epoch: held in memory, or in files when they are too many."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from algorithms.tabular.features import Features, Layout

CHUNK_ROWS = 65_536
"""Rows that are handed to the training at once: enough to mix well, few enough to copy in passing."""
MOST_BUCKETS = 256
"""Files of a spool: a block of rows leaves each of them some hundred rows, worth a write of its own. Beyond some 17
million rows a file holds more than a chunk."""


class Spool(Protocol):
    """Encoded rows that train, `count` of them."""

    @property
    def count(self) -> int: ...

    def chunks(self, epoch: int) -> Iterator[Features]:
        """Yield every row once, in an order that the seed and the epoch determine.

        Every chunk but the last holds whole batches.
        """
        ...


class MemorySpool:
    """Rows in memory. Their order is any permutation with the same probability."""

    def __init__(self, features: Features, layout: Layout, *, batch_size: int, seed: int) -> None:
        self._features = features
        self._layout = layout
        self._rows = max(1, CHUNK_ROWS // batch_size) * batch_size
        self._seed = seed

    @property
    def count(self) -> int:
        return len(self._features)

    def chunks(self, epoch: int) -> Iterator[Features]:
        order = _generator(self._seed, epoch).permutation(self.count)
        for start in range(0, self.count, self._rows):
            rows = order[start : start + self._rows]
            chunk = Features.empty(len(rows), self._layout)
            self._features.take_into(rows, chunk)
            yield chunk


class FileSpool:
    """Rows in files of a folder, each a random part of all rows; one file's rows are in memory at a time.

    A row belongs to its file for good: rows of different files meet in a batch only where one file ends and the next
    begins. What is in a file is a random sample of all rows, whatever order they came in.
    """

    def __init__(self, folder: Path, layout: Layout, *, rows: int, batch_size: int, seed: int) -> None:
        """Make an empty spool in an empty folder, for about so many rows."""
        buckets = min(max(1, math.ceil(rows / CHUNK_ROWS)), MOST_BUCKETS)
        self._paths = [folder / f"bucket.{number}" for number in range(buckets)]
        self._layout = layout
        self._batch_size = batch_size
        self._seed = seed
        self._dealing = _generator(seed, "deal")
        self._count = 0

    @property
    def count(self) -> int:
        return self._count

    def add(self, features: Features) -> None:
        """Deal rows out to the files."""
        packed = np.hstack([features.numbers.view(np.int32), features.slots])  # (N, numbers + blocks)
        buckets = self._dealing.integers(len(self._paths), size=len(packed))
        order = np.argsort(buckets, kind="stable")
        ends = np.cumsum(np.bincount(buckets, minlength=len(self._paths)))
        for path, rows in zip(self._paths, np.split(packed[order], ends[:-1]), strict=True):
            with path.open("ab") as file:
                file.write(rows.data)  # numpy's tofile would not say that the disk is full
        self._count += len(packed)

    def chunks(self, epoch: int) -> Iterator[Features]:
        generator = _generator(self._seed, epoch)
        rest = Features.empty(0, self._layout)
        for bucket in generator.permutation(len(self._paths)).tolist():
            read = self._unpacked(np.fromfile(self._paths[bucket], np.int32))
            rows, kept = Features.empty(len(rest) + len(read), self._layout), len(rest)
            rows.numbers[:kept], rows.slots[:kept] = rest.numbers, rest.slots
            read.take_into(generator.permutation(len(read)), rows[kept:])
            whole = len(rows) - len(rows) % self._batch_size
            if whole:
                yield rows[:whole]
            rest = rows[whole:]
        if len(rest):
            yield rest

    def _unpacked(self, packed: NDArray[np.int32]) -> Features:
        rows = packed.reshape(-1, self._layout.numbers + len(self._layout.blocks))
        return Features(rows[:, : self._layout.numbers].view(np.float32), rows[:, self._layout.numbers :])


def _generator(seed: int, purpose: int | str) -> np.random.Generator:
    """Return a generator for an epoch, or for something else that happens once."""
    stream = purpose if isinstance(purpose, int) else int.from_bytes(purpose.encode())
    return np.random.default_rng((seed, stream))
