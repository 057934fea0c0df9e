"""Layouts and encoded rows that tests of the network, its training and its export share."""

import numpy as np

from algorithms.tabular.features import Features, Layout

NUMBERS, SPELLED_OUT = Layout(6, ()), Layout(3, (2, 4))
GATHERED, MIXED = Layout(2, (40,)), Layout(2, (3, 60, 2, 50, 4))
LAYOUTS = [NUMBERS, SPELLED_OUT, GATHERED, MIXED, Layout(0, (2, 3)), Layout(0, (60, 40))]


def features(layout, rows=50, seed=0):
    """Return random rows of a layout."""
    rng = np.random.default_rng(seed)
    slots = (
        np.stack(
            [
                first + rng.integers(0, size, rows)
                for first, size in zip(layout.first_slots, layout.blocks, strict=True)
            ],
            1,
        )
        if layout.blocks
        else np.empty((rows, 0))
    )
    return Features(rng.normal(size=(rows, layout.numbers)).astype(np.float32), slots.astype(np.int32))
