"""Encoded rows: real numbers, and for each categorical column the slot of its value. One-hot is never spelled out."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

ALIGNMENT = 64
"""Bytes; memory that starts at a multiple of it is used by TensorFlow where it is."""


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

    def take_into(self, rows: NDArray[np.integer], target: Self) -> None:
        """Write copies of the rows with these numbers into as many rows; the numbers are trusted."""
        # With numpy's default, which checks them, the rows would be copied twice.
        self.numbers.take(rows, axis=0, out=target.numbers, mode="clip")
        self.slots.take(rows, axis=0, out=target.slots, mode="clip")

    @classmethod
    def empty(cls, rows: int, layout: Layout) -> Self:
        """Return features to be written into, aligned in memory."""
        return cls(
            _aligned((rows, layout.numbers), np.dtype(np.float32)),
            _aligned((rows, len(layout.blocks)), np.dtype(np.int32)),
        )

    def dense(self, layout: Layout) -> NDArray[np.float32]:
        """Return the features spelled out, (N, layout.width); only for few rows."""
        dense = np.zeros((len(self), layout.width), np.float32)
        dense[:, : layout.numbers] = self.numbers
        np.put_along_axis(dense, layout.numbers + self.slots.astype(np.intp), 1.0, axis=1)
        return dense


def _aligned(shape: tuple[int, int], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return an array (rows, columns) of no particular values."""
    size = shape[0] * shape[1] * dtype.itemsize
    memory = np.empty(size + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)
