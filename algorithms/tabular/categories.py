"""A column of categories: one-hot over the most frequent values, with one slot for all others."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from math import isnan
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from algorithms.tabular.cells import number_text, parse_code
from algorithms.tabular.counting import Category, CategoryCounts
from algorithms.tabular.table import Column
from algorithms.tabular.wording import quoted

MISSING_SLOT, OTHER_SLOT = "(missing)", "(other)"

MAX_KNOWN_VALUES = 10_000
MAX_KNOWN_CHARACTERS = 1_000_000


@dataclass(frozen=True)
class CategoryEncoder:
    """0/1 features: a slot per kept category, most frequent first, then the slot of all others.

    `codes` says that the categories are numbers: 1, 1.0 and "1" are one category. `rare` holds values that training saw
    but `vocab_size` did not keep, so that they are not reported as unseen; a column with very many of them stores only
    the more frequent (`rare_complete` false).
    """

    kind: ClassVar[str] = "category"
    numeric: ClassVar[bool] = False

    codes: bool
    categories: tuple[Category, ...]
    rare: frozenset[Category]
    rare_complete: bool
    rare_share: float

    @classmethod
    def fit(cls, counts: CategoryCounts, vocab_size: int, *, codes: bool) -> Self | None:
        """Return the encoder of a column of texts, or of numbers (`codes`); None for a constant column."""
        if counts.distinct < 2:
            return None
        by_frequency = sorted(counts.counts, key=lambda value: (-counts.counts[value], *_order(value)))
        kept, others = by_frequency[:vocab_size], by_frequency[vocab_size:]
        rare = frozenset(_storable(others))
        rare_rows = counts.rows - sum(counts.counts[value] for value in kept)
        complete = counts.exact and len(rare) == len(others)
        return cls(codes, tuple(kept), rare, complete, rare_rows / counts.rows)

    @property
    def width(self) -> int:
        return len(self.categories) + 1

    @cached_property
    def _slots(self) -> Mapping[Category, int]:
        return {category: slot for slot, category in enumerate(self.categories)}

    def slots(self, values: Column) -> NDArray[np.intp]:
        """Return the slot (N,) of each value (N,), text or numbers; the last slot is that of all others."""
        keys, other = self.keys(values), len(self.categories)
        slot_of = {key: self._slots.get(key, other) for key in set(keys)}
        return np.fromiter(map(slot_of.__getitem__, keys), dtype=np.intp, count=len(keys))

    def unseen(self, values: Column) -> dict[int, str]:
        """Return what to say about the values (N,) that training did not see, by their position."""
        others = np.flatnonzero(self.slots(values) == len(self.categories))
        keys = self.keys(values[others])
        why = "was not seen in training" if self.rare_complete else "is rare or was not seen in training"
        return {
            int(position): f"{_shown(key)} {why}; scored as other"
            for position, key in zip(others, keys, strict=True)
            if key not in self.rare
        }

    def decode(self, features: NDArray[np.float32]) -> list[str]:
        """Return the category with the largest feature for each row of features (N, width)."""
        shown = [_label(category) for category in self.categories] + [OTHER_SLOT]
        return [shown[slot] for slot in features.argmax(axis=1).tolist()]

    def to_dict(self) -> dict[str, Any]:
        return {
            "codes": self.codes,
            "categories": list(self.categories),
            "rare": sorted(self.rare, key=_order),
            "rare_complete": self.rare_complete,
            "rare_share": self.rare_share,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        return cls(
            stored["codes"],
            tuple(stored["categories"]),
            frozenset(stored["rare"]),
            stored["rare_complete"],
            stored["rare_share"],
        )

    def keys(self, values: Column) -> Sequence[Category]:
        """Return what stands for each value (N,): its text or, of numeric codes, the number; None where missing."""
        if values.dtype == np.float64:
            numbers: list[float] = values.tolist()
            return [None if isnan(number) else number for number in numbers]
        texts: list[str | None] = values.tolist()
        if not self.codes:
            return texts
        parsed: dict[str | None, Category] = {text: parse_code(text) for text in set(texts) if text is not None}
        return [text if parsed.get(text) is None else parsed[text] for text in texts]


def _order(category: Category) -> tuple[int, float, str]:
    """Sort key: numbers, then texts, then missing."""
    if category is None:
        return 2, 0.0, ""
    return (1, 0.0, category) if isinstance(category, str) else (0, category, "")


def _storable(values: Sequence[Category]) -> Iterable[Category]:
    """Yield the first values, as many as a stored model should hold."""
    characters = 0
    for value in islice(values, MAX_KNOWN_VALUES):
        characters += len(value) if isinstance(value, str) else 1
        if characters > MAX_KNOWN_CHARACTERS:
            return
        yield value


def _label(category: Category) -> str:
    if category is None:
        return MISSING_SLOT
    return category if isinstance(category, str) else number_text(category)


def _shown(category: Category) -> str:
    return MISSING_SLOT if category is None else quoted(_label(category))
