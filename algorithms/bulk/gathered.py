"""What is gathered while the blocks of a file are scored: the rows worth showing, and even samples."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from algorithms.bulk.encoding import plain
from algorithms.bulk.row_scores import BlockScores


@dataclass(frozen=True)
class Chosen:
    """Some rows of a file, as they came: an Arrow table (n rows), and their numbers (n,)."""

    rows: NDArray[np.int64]
    table: Any


@dataclass
class HighestRows:
    """The rows with the highest scores, so many of them; of equal ones the earlier."""

    count: int
    _best: list[tuple[float, int, Any]] = field(default_factory=list)  # minus the score, row, its table

    def update(self, scored: BlockScores) -> None:
        """Take in a block; those before it came in their order."""
        full = len(self._best) == self.count
        candidates = np.flatnonzero(scored.scores > -self._best[-1][0]) if full else np.arange(len(scored.scores))
        highest = candidates[np.argsort(-scored.scores[candidates], kind="stable")[: self.count]]
        for at in highest.tolist():
            row = scored.block.first_row + at
            self._best.append((-float(scored.scores[at]), row, _taken(scored.table, np.array([at]))))
        self._best = sorted(self._best, key=lambda each: each[:2])[: self.count]

    def chosen(self) -> Chosen:
        """Return them, the highest first; there must have been a row."""
        rows = np.array([row for _, row, _ in self._best], np.int64)
        return Chosen(rows, pa.concat_tables([table for *_, table in self._best]))


class EvenSample:
    """About so many rows at even distances, of a file whose length is not known before its end.

    Every n-th row is held, at most twice as many as are wanted; n doubles whenever they would become more. The rows do
    not depend on the blocks they come in.
    """

    def __init__(self, wanted: int) -> None:
        self._wanted = wanted
        self._every = 1
        self._held: list[Chosen] = []

    def update(self, scored: BlockScores) -> None:
        """Take in a block."""
        if not self._wanted:
            return
        first = scored.block.first_row
        last = first + len(scored.scores)
        while -(-last // self._every) > 2 * self._wanted:
            self._every *= 2
        self._held = [_every_nth(held, self._every) for held in self._held]
        rows = np.arange(-(-first // self._every) * self._every, last, self._every)
        if len(rows):
            self._held.append(Chosen(rows, _taken(scored.table, rows - first)))

    def chosen(self) -> Chosen | None:
        """Return as many as are wanted, or all rows if there are fewer; None if none was wanted."""
        held = [each for each in self._held if len(each.rows)]
        if not held:
            return None
        rows, table = np.concatenate([each.rows for each in held]), pa.concat_tables([each.table for each in held])
        if len(rows) > self._wanted:
            even = np.linspace(0, len(rows) - 1, self._wanted).round().astype(np.int64)
            rows, table = rows[even], table.take(even)
        return Chosen(rows, table)


def _every_nth(held: Chosen, every: int) -> Chosen:
    stays = np.flatnonzero(held.rows % every == 0)
    return held if len(stays) == len(held.rows) else Chosen(held.rows[stays], held.table.take(stays))


def _taken(table: Any, positions: NDArray[np.int64]) -> Any:
    """Return some rows of a table, and nothing that holds the memory of all."""
    taken = table.take(positions)
    return pa.table([plain(column) for column in taken.columns], names=taken.column_names)
