"""Counts of the values of a column, gathered block by block in bounded memory."""

from collections import Counter
from itertools import islice

import numpy as np

from algorithms.tabular.cells import number_text
from algorithms.tabular.table import Column

Category = str | float | None
"""A value of a column: text, a numeric code, or None for missing."""

MOST_VALUES = 200_000
"""Distinct values of a column that are counted at once."""
COUNTED_VALUES = 2**20
"""Distinct values of all columns of a wide table that are: some 100 MB of them."""
_CHARACTERS = 160
"""Characters that a value is given room for, on average."""


class CategoryCounts:
    """How often each value of a column occurs; exact for up to `most_values` distinct values of `most_characters`.

    When there are more, the rarer half is dropped, and every count lowered by the largest count that was. A count is
    then at most `too_low` too low, and that is at most the rows / (most_values / 2 + 1) (while the characters fit): a
    value more frequent than this is never lost, whatever the order of the rows.

    Source: Misra, Gries, Science of Computer Programming 2 (1982) 143; by blocks: Agarwal et al., Mergeable Summaries,
    PODS 2012, doi:10.1145/2213556.2213562, section 2.1.
    """

    def __init__(self, most_values: int = MOST_VALUES, most_characters: int = _CHARACTERS * MOST_VALUES) -> None:
        self.counts: Counter[Category] = Counter()
        self.rows = 0
        self.too_low = 0
        self.distinct = 0
        self._limits = most_values, most_characters
        self._characters = 0

    @property
    def exact(self) -> bool:
        """Nothing was dropped; otherwise `distinct` is the least number of distinct values there may be."""
        return self.too_low == 0

    @property
    def missing(self) -> int:
        return self.counts[None]

    @property
    def only_value(self) -> str | None:
        """The text of the value that all rows have, None if they differ."""
        value, *others = self.counts
        if others or value is None:
            return None
        return value if isinstance(value, str) else number_text(value)

    def update(self, values: Column) -> None:
        """Take in values (N,), numbers or texts; missing is a value too."""
        known = len(self.counts)
        if values.dtype == np.float64:
            self._add_numbers(values)
        else:
            self.counts.update(values.tolist())
        self.rows += len(values)
        self._characters += sum(map(_length, islice(self.counts, known, None)))
        self.distinct = max(self.distinct, len(self.counts))
        if len(self.counts) > self._limits[0] or self._characters > self._limits[1]:
            self._drop_rarer()

    def _add_numbers(self, values: Column) -> None:
        missing = np.isnan(values)
        numbers, counts = np.unique(values[~missing], return_counts=True)
        for number, count in zip(numbers.tolist(), counts.tolist(), strict=True):
            self.counts[number] += count
        if missing.any():
            self.counts[None] += int(missing.sum())

    def _drop_rarer(self) -> None:
        values = list(self.counts)
        if len(values) == 1:
            return
        counts = np.fromiter(self.counts.values(), np.int64, len(values))
        order = np.argsort(-counts, kind="stable")  # of equally frequent values the earlier stays
        ends = np.cumsum([_length(values[position]) for position in order.tolist()])
        kept = max(1, min(self._limits[0] // 2, int(np.searchsorted(ends, self._limits[1] // 2, side="right"))))
        lowered = int(counts[order[kept]])
        self.counts = Counter({values[position]: int(counts[position]) - lowered for position in order[:kept].tolist()})
        self.too_low += lowered
        self._characters = int(ends[kept - 1])


def most_counted(columns: int, kept: int) -> tuple[int, int]:
    """Return how many values, and characters of them, are counted of each of so many columns that keep `kept` values.

    They are twice as many at least, so that enough are left when half of them are dropped.
    """
    values = max(min(MOST_VALUES, COUNTED_VALUES // max(columns, 1)), 2 * kept)
    return values, _CHARACTERS * values


def _length(value: Category) -> int:
    return len(value) if isinstance(value, str) else 1
