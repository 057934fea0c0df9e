"""A column of numbers: one scaled feature."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from algorithms.tabular.scaling import Floats, Scaler, Scaling

Missing = Literal["median", "mean", "zero"]


@dataclass(frozen=True)
class NumberEncoder:
    """Missing cells become `fill`, then the column is scaled."""

    kind: ClassVar[str] = "number"
    numeric: ClassVar[bool] = True
    width: ClassVar[int] = 1

    fill: float
    scaler: Scaler

    @classmethod
    def fit(cls, values: Floats, missing: Missing, scaling: Scaling) -> Self | None:
        """Return the encoder of values (N,), NaN where missing and not all missing; None for a constant column.

        As in a pipeline, the scaler is fitted on the column with its missing cells filled.
        """
        observed = values[~np.isnan(values)]
        fill = _fill(observed, missing)
        scaler = Scaler.fit(np.where(np.isnan(values), fill, values), scaling)
        return None if scaler is None else cls(fill, scaler)

    def encode(self, values: Floats, out: NDArray[np.float32]) -> None:
        """Write the feature of values (N,) into out (N, 1)."""
        out[:, 0] = self.scaler.transform(np.where(np.isnan(values), self.fill, values))

    def decode(self, features: NDArray[np.float32]) -> list[float]:
        """Return the numbers of features (N, 1)."""
        numbers: list[float] = self.scaler.invert(features[:, 0].astype(np.float64)).tolist()
        return numbers

    def to_dict(self) -> dict[str, Any]:
        return {"fill": self.fill, "scaler": self.scaler.to_dict()}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        return cls(stored["fill"], Scaler.from_dict(stored["scaler"]))


def _fill(observed: Floats, missing: Missing) -> float:
    if missing == "zero":
        return 0.0
    # Halved, so that the mean of the middle two, or the sum of many, of 1e308 does not overflow.
    halved = observed / 2 / (len(observed) if missing == "mean" else 1)
    return float(2 * (halved.sum() if missing == "mean" else np.median(halved)))
