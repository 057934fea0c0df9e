"""Makes the reference that drift is told by, from the rows a model learned from, while they are scored."""

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from algorithms.autoencoder.split import Rows, Split
from algorithms.drift.bins import CategoryBins, Kind, NumberBins
from algorithms.drift.reference import BinnedColumn, BinnedNumbers, Reference
from algorithms.tabular.categories import CategoryEncoder
from algorithms.tabular.counting import Category
from algorithms.tabular.dates import DateEncoder
from algorithms.tabular.encoder import TabularEncoder
from algorithms.tabular.moments import sample_size
from algorithms.tabular.numbers import NumberEncoder
from algorithms.tabular.table import Column, Table

FEWEST_HELD_OUT = 100
"""Held-out rows that say how rows the network has not seen score; with fewer, all rows do."""
LEAST_CONTRIBUTION = 1e-3
"""Part of the mean score below which a contribution is as good as none."""


class ReferenceMaker:
    """Takes the blocks of `datasrc`, with their scores, in their order.

    Columns are counted over the rows that train or are held out, scores and contributions over those held out (over all
    of them if these are fewer than 100); of more than 100,000 rows, fewer in wide tables (`sample_size`), over a random
    part of so many, by the seed. How many values are unseen the held-out rows say: training has seen its own.
    """

    def __init__(self, encoder: TabularEncoder, split: Split, seed: int) -> None:
        most, rng = sample_size(len(encoder.columns)), np.random.default_rng(seed)
        learned = np.concatenate([split.train, split.held_out])
        watched = split.held_out if len(split.held_out) >= FEWEST_HELD_OUT else learned
        self._rows = len(learned)
        self._sampled = _some(learned, most, rng)
        self._watched = _some(watched, most, rng)
        self._held_out = _some(split.held_out, most, rng)
        self._columns = {
            name: _Categories(column) if isinstance(column, CategoryEncoder) else _Numbers(column)
            for name, column in encoder.columns.items()
        }
        self._scores: list[NDArray[np.float64]] = []
        self._contributions: list[NDArray[np.float32]] = []

    def add(self, first: int, block: Table, scores: NDArray[np.float64], contributions: NDArray[np.float32]) -> None:
        """Take in a block of N rows, the first of which has this number.

        Shapes:
            scores: (N,), contributions: (N, columns)
        """
        sampled, watched, held_out = (
            rows[slice(*np.searchsorted(rows, (first, first + block.rows)))] - first
            for rows in (self._sampled, self._watched, self._held_out)
        )
        self._scores.append(scores[watched])
        self._contributions.append(contributions[watched])
        for name, column in self._columns.items():
            column.add(block.columns[name], sampled, held_out)

    def reference(self) -> Reference:
        """Return the reference of all rows that came."""
        scores, contributions = np.concatenate(self._scores), np.concatenate(self._contributions)
        binned_scores = BinnedNumbers.fit(scores)
        least = LEAST_CONTRIBUTION * binned_scores.counted.mean
        return Reference(
            self._rows,
            {name: column.binned() for name, column in self._columns.items()},
            binned_scores,
            {
                name: BinnedNumbers.fit(values, least)
                for name, values in zip(self._columns, contributions.T, strict=True)
            },
        )


class _Numbers:
    """A column of numbers or dates."""

    def __init__(self, encoder: NumberEncoder | DateEncoder) -> None:
        self._kind: Kind = "date" if isinstance(encoder, DateEncoder) else "number"
        self._taken: list[Column] = []

    def add(self, values: Column, sampled: Rows, held_out: Rows) -> None:
        self._taken.append(values[sampled])

    def binned(self) -> BinnedColumn:
        values = np.concatenate(self._taken)
        bins = NumberBins.fit(self._kind, values)
        return BinnedColumn(bins, bins.count(values))


class _Categories:
    """A column of categories; only those that the encoder knows are held."""

    def __init__(self, encoder: CategoryEncoder) -> None:
        self._encoder = encoder
        self._known = {None, *encoder.categories, *encoder.rare}
        self._rows: Counter[Category] = Counter()
        self._sampled = self._held_out = self._unseen = 0

    def add(self, values: Column, sampled: Rows, held_out: Rows) -> None:
        self._sampled += len(sampled)
        self._held_out += len(held_out)
        counted = Counter(self._encoder.keys(values[sampled]))
        self._rows.update({category: rows for category, rows in counted.items() if category in self._known})
        self._unseen += sum(category not in self._known for category in self._encoder.keys(values[held_out]))

    def binned(self) -> BinnedColumn:
        bins = CategoryBins.fit(self._encoder, self._rows)
        counts = bins.count_categories(self._rows)
        unseen = self._unseen / self._held_out if self._held_out else 1 - counts.sum() / self._sampled
        counts[bins.unseen] = round(unseen * self._sampled)
        return BinnedColumn(bins, counts)


def _some(rows: Rows, most: int, rng: np.random.Generator) -> Rows:
    """Return at most so many of the rows, at random, ascending."""
    return np.sort(rows if len(rows) <= most else rng.choice(rows, most, replace=False, shuffle=False))
