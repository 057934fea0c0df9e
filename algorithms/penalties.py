"""What the reconstruction error of a column counts in the score of a row."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Penalty = Literal["cauchy", "squared"]


def contributions(errors: NDArray[np.float64], penalty: Penalty, features: int) -> NDArray[np.float64]:
    """Return each column's part of the score; the parts of a row sum to its score.

    squared: e / features, so that a score is the mean squared error of all features.
    cauchy: log(1 + e) / columns. A small error counts as before, of a large one only its order of magnitude: one column
    that is far off, as a column with heavy tails often is, does not outweigh many that are a little off; and a category
    weighs as much as a number, however many slots it has.

    Shapes:
        errors: (N, columns), the sum of the squared errors of each column's features, of which there are `features`
        returns (N, columns); `errors` is overwritten
    Source: minus the logarithm of Cauchy's density; as a loss in Holland, Welsch, Communications in Statistics A6
    (1977) 813.
    """
    if penalty == "cauchy":
        np.log1p(errors, out=errors)
        errors /= errors.shape[1]
    else:
        errors /= features
    return errors
