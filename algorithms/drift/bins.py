"""The bins that values are counted in: numbers and dates by quantiles of the training rows, categories by value."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from algorithms.tabular.categories import CategoryEncoder
from algorithms.tabular.counting import Category

QUANTILE_BINS = 10
MOST_CATEGORIES = 200
"""Categories of a column that have a bin of their own, the most frequent; 1,000 rows say nothing of more."""

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Kind = Literal["number", "date"]


@dataclass(frozen=True, eq=False)
class NumberBins:
    """Numbers or dates: the bins between the edges, then that of the missing ones.

    A value falls into the bin that ends with the first edge not below it, beyond the last edge into the last bin:
    what lies outside the training range falls into the end bins. Of a constant column, the one value has a bin and what
    lies below and above it another each.

    Shapes:
        edges: (K,) ascending; bins: K + 1 and the missing
    """

    kind: Kind
    edges: Floats

    missing: ClassVar[int] = -1
    unseen: ClassVar[None] = None
    apart: ClassVar[int] = 1
    """Last bins that mean something by themselves, however few rows are in them."""

    @classmethod
    def fit(cls, kind: Kind, values: NDArray[Any]) -> Self:
        """Return 10 bins that hold as many of the values (N,) each, fewer where values are equal."""
        numbers = as_numbers(values)
        distinct = np.sort(numbers[~np.isnan(numbers)])
        if not len(distinct):
            return cls(kind, np.empty(0))
        if distinct[0] == distinct[-1]:
            only = distinct[:1]
            return cls(kind, np.concatenate([np.nextafter(only, -np.inf), only]))
        last_of_bins = distinct[-(-len(distinct) * np.arange(1, QUANTILE_BINS) // QUANTILE_BINS) - 1]
        distinct = distinct[np.append(True, distinct[1:] != distinct[:-1])]
        places = np.unique(np.searchsorted(distinct, last_of_bins))
        places = places[places < len(distinct) - 1]
        # Between two values, so that a last digit computed otherwise does not change the bin. Halved against overflow.
        return cls(kind, distinct[places] / 2 + distinct[places + 1] / 2)

    def __len__(self) -> int:
        return len(self.edges) + 2

    def count(self, values: NDArray[Any]) -> Counts:
        """Return how many of the values (N,) are in each bin."""
        numbers = as_numbers(values)
        counts = np.bincount(np.searchsorted(self.edges, numbers), minlength=len(self)).astype(np.int64, copy=False)
        missing = int(np.count_nonzero(np.isnan(numbers)))  # they sort behind the last edge
        counts[len(self.edges)] -= missing
        counts[self.missing] = missing
        return counts

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "edges": self.edges.tolist()}


@dataclass(frozen=True, eq=False)
class CategoryBins:
    """Categories: a bin each for the most frequent 200, then other, unseen and missing.

    Other is what else training saw, whether or not the encoder kept it. Of a column with very many rare values the
    encoder does not know all of them: the rest counts as unseen, in training too.
    """

    encoder: CategoryEncoder
    categories: tuple[Category, ...]

    kind: ClassVar[Literal["category"]] = "category"
    missing: ClassVar[int] = -1
    unseen: ClassVar[int] = -2
    apart: ClassVar[int] = 2

    @classmethod
    def fit(cls, encoder: CategoryEncoder, rows: Mapping[Category, int]) -> Self:
        """Return the bins of a column of which training has so many rows of each category."""
        known = {*encoder.categories, *encoder.rare} - {None}
        frequent = sorted(known & rows.keys(), key=lambda category: (-rows[category], str(category)))
        return cls(encoder, tuple(frequent[:MOST_CATEGORIES]))

    def __len__(self) -> int:
        return len(self.categories) + 3

    def count(self, values: NDArray[Any]) -> Counts:
        """Return how many of the values (N,), text or numbers, are in each bin."""
        return self.count_categories(Counter(self.encoder.keys(values)))

    def count_categories(self, rows: Mapping[Category, int]) -> Counts:
        """Return how many rows are in each bin, of so many rows of each category."""
        counts, unseen = np.zeros(len(self), np.int64), len(self) - 2
        for category, count in rows.items():
            counts[self._bins.get(category, unseen)] += count
        return counts

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "bins": list(self.categories), **self.encoder.to_dict()}

    @cached_property
    def _bins(self) -> Mapping[Category, int]:
        bins: dict[Category, int] = dict.fromkeys([*self.encoder.categories, *self.encoder.rare], len(self.categories))
        bins.update((category, place) for place, category in enumerate(self.categories))
        bins[None] = len(self) - 1
        return bins


Bins = NumberBins | CategoryBins


def bins_from_dict(stored: Mapping[str, Any]) -> Bins:
    """Return the bins that `to_dict` stored."""
    if stored["kind"] == CategoryBins.kind:
        return CategoryBins(CategoryEncoder.from_dict(stored), tuple(stored["bins"]))
    return NumberBins(stored["kind"], np.array(stored["edges"], np.float64))


def as_numbers(values: NDArray[Any]) -> Floats:
    """Return numbers as they are, dates as microseconds since 1970; NaN where missing."""
    if values.dtype.kind != "M":
        return values.astype(np.float64, copy=False)
    microseconds: Floats = values.astype("datetime64[us]").astype(np.int64).astype(np.float64)
    microseconds[np.isnat(values)] = np.nan
    return microseconds
