"""What the reconstruction error of a column counts in the score of a row."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Penalty = Literal["log", "squared"]

STRAIGHT_FROM = 25.0
"""Squared error, five standard deviations, from which on the logarithm goes on as its tangent."""


def contributions(errors: NDArray[np.float64], penalty: Penalty, features: int) -> NDArray[np.float64]:
    """Return each column's part of the score; the parts of a row sum to its score.

    squared: e / features, so that a score is the mean squared error of all features.
    log: log(1 + e) / columns, and a straight line beyond e = 25. A small error counts as before; one column that is far
    off, as a column with heavy tails often is, does not outweigh many that are a little off; and a category weighs as
    much as a number, however many slots it has. The line keeps what is absurd absurd: numbers are squashed before they
    are compared, and a logarithm of that would hardly grow.

    Shapes:
        errors: (N, columns), the sum of the squared errors of each column's features, of which there are `features`
        returns (N, columns)
    Source: up to the line, minus the logarithm of Cauchy's density; as a loss in Holland, Welsch, Communications in
    Statistics A6 (1977) 813.
    """
    if penalty == "squared":
        return errors / features
    near = np.minimum(errors, STRAIGHT_FROM)
    beyond = errors - near
    counted: NDArray[np.float64] = np.log1p(near, out=near)
    beyond /= 1 + STRAIGHT_FROM
    counted += beyond
    counted /= errors.shape[1]
    return counted
