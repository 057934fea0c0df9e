"""A column of numbers: one scaled feature."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from algorithms.tabular.cells import number_text
from algorithms.tabular.moments import MOST_SAMPLED, Floats, Moments, Sample
from algorithms.tabular.scaling import Scaler, Scaling

Missing = Literal["median", "mean", "zero"]


@dataclass(frozen=True)
class NumberEncoder:
    """Missing cells become `fill`, then the column is scaled."""

    kind: ClassVar[str] = "number"
    numeric: ClassVar[bool] = True
    width: ClassVar[int] = 1

    fill: float
    scaler: Scaler

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


class NumberStatistics:
    """What an encoder of numbers is fitted from, gathered block by block."""

    def __init__(self, sampled: int = MOST_SAMPLED) -> None:
        self.rows = self.missing = 0
        self.moments = Moments()  # of the observed numbers
        self._sample = Sample(sampled)

    def update(self, values: Floats) -> None:
        """Take in values (N,), NaN where missing."""
        observed = values[~np.isnan(values)]
        self.rows += len(values)
        self.missing += len(values) - len(observed)
        if len(observed):
            self.moments += Moments.of(observed)
            self._sample.update(observed)

    @property
    def only_value(self) -> str | None:
        """The text of the number that all observed ones are, None if they differ."""
        return number_text(self.moments.low) if self.moments.low == self.moments.high else None

    def encoder(self, missing: Missing, scaling: Scaling, origin: float = 0.0) -> NumberEncoder | None:
        """Return the encoder of numbers less `origin`, not all of them missing; None for a constant column.

        As in a pipeline, the scaler is fitted on the column with its missing cells filled.
        """
        observed = self.moments.less(origin)
        fill = 0.0
        if missing == "mean":
            fill = observed.mean
        elif missing == "median":
            fill = self._sample.median() - origin
        scaler = Scaler.fit(observed + Moments.repeated(fill, self.missing), scaling)
        return None if scaler is None else NumberEncoder(fill, scaler)
