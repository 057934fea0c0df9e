"""The tally of a window: how many of its rows fell into which bin. Small, and tallies add up."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from algorithms.drift.bins import Counts

T = TypeVar("T")

MOST_COUNTED = 8192
"""Rows of one call that are counted: 65,536 rows of 30 columns then take some 25 ms, not 200."""


@dataclass(frozen=True, eq=False)
class Counted:
    """How many numbers are in each bin (bins,), and their mean."""

    counts: Counts
    mean: float

    def __add__(self, other: "Counted") -> "Counted":
        counts = added(self.counts, other.counts)
        of_other = int(other.counts.sum()) / max(int(counts.sum()), 1)
        return Counted(counts, self.mean * (1 - of_other) + other.mean * of_other)

    def to_json(self) -> dict[str, Any]:
        return {"counts": self.counts.tolist(), "mean": self.mean}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        return cls(_counts(stored["counts"]), stored["mean"])


@dataclass(frozen=True, eq=False)
class Tally:
    """Rows of a window by bin of each column, of the scores and of each column's contribution to them.

    `rows` and `anomalies` are all, `counted` those whose bins were counted; see `Reference.tally`. Tallies of the same
    model add up, and `Tally()` is that of no rows.
    """

    rows: int = 0
    anomalies: int = 0
    counted: int = 0
    columns: Mapping[str, Counts] = field(default_factory=dict)
    scores: Counted | None = None
    contributions: Mapping[str, Counted] = field(default_factory=dict)

    def __add__(self, other: "Tally") -> "Tally":
        """Return the tally of the rows of both.

        Raises:
            ValueError: they were counted in the bins of different models.
        """
        return Tally(
            self.rows + other.rows,
            self.anomalies + other.anomalies,
            self.counted + other.counted,
            _merged(self.columns, other.columns, added),
            self.scores + other.scores if self.scores and other.scores else self.scores or other.scores,
            _merged(self.contributions, other.contributions, Counted.__add__),
        )

    @property
    def score_mean(self) -> float | None:
        """Mean score, None without rows."""
        return None if self.scores is None else self.scores.mean

    @property
    def contribution_means(self) -> dict[str, float]:
        """Mean contribution by column."""
        return {name: counted.mean for name, counted in self.contributions.items()}

    def to_json(self) -> dict[str, Any]:
        """Return the tally as JSON values."""
        return {
            "rows": self.rows,
            "anomalies": self.anomalies,
            "counted": self.counted,
            "columns": {name: counts.tolist() for name, counts in self.columns.items()},
            "scores": None if self.scores is None else self.scores.to_json(),
            "contributions": {name: counted.to_json() for name, counted in self.contributions.items()},
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Return the tally that `to_json` gave."""
        return cls(
            stored["rows"],
            stored["anomalies"],
            stored["counted"],
            {name: _counts(counts) for name, counts in stored["columns"].items()},
            None if stored["scores"] is None else Counted.from_json(stored["scores"]),
            {name: Counted.from_json(counted) for name, counted in stored["contributions"].items()},
        )


def added(own: Counts, others: Counts) -> Counts:
    """Return the sum of two countings.

    Raises:
        ValueError: they have different bins.
    """
    if own.shape != others.shape:
        raise ValueError("the rows were counted in the bins of different models: tally them with one reference")
    return own + others


def evenly(rows: int, most: int = MOST_COUNTED) -> slice | NDArray[np.int64]:
    """Return which of so many rows are counted: all, or one at random from each of `most` stretches of equal length.

    The draw is the same for the same number of rows. At random, since every k-th row of data with a period would be
    the same one again.
    """
    if rows <= most:
        return slice(None)
    places = np.arange(most) + np.random.default_rng(rows).random(most)
    chosen: NDArray[np.int64] = np.minimum((places * (rows / most)).astype(np.int64), rows - 1)
    return chosen


def mean_of(values: NDArray[Any]) -> float:
    """Return the mean of values (N,), finite where they are; 0 without any."""
    return float((values / max(len(values), 1)).sum(dtype=np.float64))


def _merged(own: Mapping[str, T], others: Mapping[str, T], add: Callable[[T, T], T]) -> dict[str, T]:
    """Return what both have by name, added where both have it."""
    merged = dict(own)
    for name, counted in others.items():
        merged[name] = add(merged[name], counted) if name in merged else counted
    return merged


def _counts(stored: Any) -> Counts:
    return np.array(stored, np.int64)
