"""What drives a score: the columns with the largest contributions."""

import numpy as np
from numpy.typing import NDArray

DRIVERS = 3
"""So many columns are named for each row."""
NONE = -1
"""In place of a column where the model has fewer."""


def top_drivers(
    scores: NDArray[np.float64], contributions: NDArray[np.float64] | NDArray[np.float32]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Return the columns with the largest contributions, largest first, and their shares of the score.

    Of equal ones the earlier column comes first. The shares of a score of nothing are nothing.

    Shapes:
        scores: (N,), contributions: (N, columns), not negative; their sum is the score
        returns (N, 3), -1 where there are fewer columns, and (N, 3)
    """
    rows = np.arange(len(scores))
    left = np.array(contributions)
    drivers = np.full((len(scores), DRIVERS), NONE, np.int32)
    shares = np.zeros((len(scores), DRIVERS), np.float32)
    for place in range(min(DRIVERS, left.shape[1])):
        largest = left.argmax(axis=1)
        drivers[:, place] = largest
        np.divide(left[rows, largest], scores, out=shares[:, place], where=scores > 0, casting="same_kind")
        left[rows, largest] = -1.0
    return drivers, shares
