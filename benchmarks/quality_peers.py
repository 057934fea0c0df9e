"""The peers of the quality benchmark: PyOD's detectors with their defaults, on what a careful user would feed them."""

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.compose import make_column_transformer
from sklearn.feature_selection import VarianceThreshold
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

PEERS = ("KNN", "IForest", "PyOD-AutoEncoder", "PCA", "ECOD")


class Peer:
    """A PyOD detector on numbers standardised by the training rows and text as 0/1 columns, one for every value.

    Columns that are constant in training are left out: PyOD's PCA divides by their variance.
    """

    def __init__(self, name: str, seed: int) -> None:
        self._detector = _detector(name, seed)

    def fit(self, frame: pd.DataFrame) -> Self:
        """Fit on a data frame without using labels."""
        texts = [name for name in frame if not pd.api.types.is_numeric_dtype(frame[name])]
        numbers = [name for name in frame if name not in texts]
        encoded = make_column_transformer(
            (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
            (OneHotEncoder(handle_unknown="ignore", sparse_output=False), texts),
        )
        self._encoder = make_pipeline(encoded, VarianceThreshold())
        self._detector.fit(self._encoder.fit_transform(frame))
        return self

    @property
    def decision_scores_(self) -> NDArray[np.float64]:
        """The scores of the rows fitted on; kNN does not count a row as its own neighbour."""
        return np.nan_to_num(self._detector.decision_scores_)

    def decision_function(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Return the scores of other rows."""
        return np.nan_to_num(self._detector.decision_function(self._encoder.transform(frame)))


def _detector(name: str, seed: int) -> Any:
    if name == "KNN":
        from pyod.models.knn import KNN

        return KNN(n_neighbors=5)
    if name == "IForest":
        from pyod.models.iforest import IForest

        return IForest(random_state=seed)
    if name == "PyOD-AutoEncoder":
        from pyod.models.auto_encoder import AutoEncoder

        return AutoEncoder(random_state=seed, verbose=0)
    if name == "PCA":
        from pyod.models.pca import PCA

        return PCA(random_state=seed)
    from pyod.models.ecod import ECOD

    return ECOD()
