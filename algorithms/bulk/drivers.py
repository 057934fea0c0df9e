"""What drives a score: the columns with the largest contributions."""

import numpy as np
from numpy.typing import NDArray

DRIVERS = 3
"""So many columns are named for each row."""
NONE = -1
"""In place of a column where the model has fewer."""

_BITS, _COLUMN = np.uint64(32), np.uint64(0xFFFFFFFF)
_FEW = 64
"""Up to so many columns, sorting all of them is faster than looking for the largest first."""


def top_drivers(
    scores: NDArray[np.float64], contributions: NDArray[np.float64] | NDArray[np.float32]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return the columns with the largest contributions, largest first, and their shares of the score.

    Of those that are equal in float32 the earlier column comes first. The shares of a score of nothing are nothing.

    Shapes:
        scores: (N,), contributions: (N, columns), not negative; their sum is the score
        returns (N, 3), -1 where there are fewer columns, and (N, 3)
    """
    columns = contributions.shape[1]
    named = min(DRIVERS, columns)
    # One integer orders both: the bits of a float that is not negative, and behind them the columns from the last on.
    keys = contributions.astype(np.float32).view(np.uint32).astype(np.uint64)
    keys <<= _BITS
    keys |= np.arange(columns - 1, -1, -1, dtype=np.uint64)
    if columns > _FEW:
        keys.partition(columns - named, axis=1)
        keys = np.ascontiguousarray(keys[:, columns - named :])
    keys.sort(axis=1)
    largest = columns - 1 - (keys[:, : -named - 1 : -1] & _COLUMN).astype(np.int32)
    drivers = np.full((len(scores), DRIVERS), NONE, np.int32)
    shares = np.zeros((len(scores), DRIVERS), np.float32)
    drivers[:, :named] = largest
    parts = np.take_along_axis(contributions, largest, axis=1)
    total = scores[:, None]
    np.divide(parts, total, out=shares[:, :named], where=total > 0, casting="same_kind")
    return drivers, shares
