"""The first kernel in parts: rows that are multiplied with features, and rows gathered for the slots of wide blocks."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from algorithms.tabular.features import Layout

WIDE_BLOCK = 32
"""Slots of a block from which on one is gathered: a gathered row costs as much as products with some thirty features.

Measured forward and backward, batch 128 and 200 units on one core: 31 µs a gathered block, 1 µs a 0/1 feature.
"""

Array = NDArray[np.float32]


class FirstLayer:
    """What becomes of each row of the first kernel (layout.width, units).

    Attributes:
        multiplied: its rows for the numbers, then for the slots of narrow blocks, which are spelled out as features.
        narrow, wide: numbers of these blocks.
        shifts: (narrow blocks,) to subtract from their slots so that together these are numbered from 0.
        gathered: the rows of each wide block.
    """

    def __init__(self, layout: Layout) -> None:
        starts = np.array(layout.first_slots, np.int32)
        sizes = np.array(layout.blocks, np.int32)
        self.wide = np.flatnonzero(sizes >= WIDE_BLOCK).tolist()
        self.narrow = np.flatnonzero(sizes < WIDE_BLOCK).tolist()
        narrow = sizes[self.narrow]
        self.shifts = starts[self.narrow] - (np.cumsum(narrow, dtype=np.int32) - narrow)
        self.first_slots = starts[self.wide].tolist()
        self.spelled_out = int(narrow.sum())
        rows = layout.numbers + np.arange(layout.slots)
        self.gathered = [rows[starts[block] : starts[block] + sizes[block]] for block in self.wide]
        self.multiplied = np.setdiff1d(np.arange(layout.width), np.concatenate([[], *self.gathered]))

    @cached_property
    def parts(self) -> list[NDArray[np.intp]]:
        """Rows of the parts: of the one that is multiplied and of one for each wide block."""
        return [self.multiplied, *self.gathered]

    def split(self, kernel: Array) -> list[Array]:
        """Return the parts of a kernel (layout.width, units)."""
        return [kernel[rows] for rows in self.parts]

    def join(self, parts: Sequence[Array]) -> Array:
        """Return the kernel of these parts."""
        kernel = np.empty((sum(map(len, parts)), parts[0].shape[1]), np.float32)
        for rows, part in zip(self.parts, parts, strict=True):
            kernel[rows] = part
        return kernel
