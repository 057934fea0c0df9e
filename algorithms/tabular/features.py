"""Encoded rows: real numbers, and for each categorical column the slot of its value. One-hot is never spelled out."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Layout:
    """The order of the features: first the `numbers`, then a block of 0/1 features, its slots, for each category.

    `blocks` are the sizes of these blocks.
    """

    numbers: int
    blocks: tuple[int, ...]

    @cached_property
    def slots(self) -> int:
        """Number of 0/1 features."""
        return sum(self.blocks)

    @cached_property
    def width(self) -> int:
        """Number of features."""
        return self.numbers + self.slots

    @property
    def row_bytes(self) -> int:
        """Memory of an encoded row: four bytes for each number and each block."""
        return 4 * (self.numbers + len(self.blocks))

    @cached_property
    def first_slots(self) -> tuple[int, ...]:
        """First slot of each block; slots are numbered through all blocks, from 0."""
        return tuple(sum(self.blocks[:block]) for block in range(len(self.blocks)))


@dataclass(frozen=True, eq=False)
class Features:
    """Encoded rows.

    Shapes:
        numbers: (N, layout.numbers) float32
        slots: (N, blocks) int32, the slot that is 1 of each block, numbered through all blocks
    """

    numbers: NDArray[np.float32]
    slots: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, rows: slice) -> Self:
        return type(self)(self.numbers[rows], self.slots[rows])

    def take(self, rows: NDArray[np.integer]) -> Self:
        """Return a copy of the rows with these numbers."""
        return type(self)(self.numbers.take(rows, axis=0), self.slots.take(rows, axis=0))

    @classmethod
    def empty(cls, rows: int, layout: Layout) -> Self:
        """Return features to be written into."""
        numbers = np.empty((rows, layout.numbers), np.float32)
        return cls(numbers, np.empty((rows, len(layout.blocks)), np.int32))

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """Return the rows of at least one part as one."""
        return cls(np.concatenate([p.numbers for p in parts]), np.concatenate([p.slots for p in parts]))

    def dense(self, layout: Layout) -> NDArray[np.float32]:
        """Return the features spelled out, (N, layout.width); only for few rows."""
        dense = np.zeros((len(self), layout.width), np.float32)
        dense[:, : layout.numbers] = self.numbers
        np.put_along_axis(dense, layout.numbers + self.slots.astype(np.intp), 1.0, axis=1)
        return dense
