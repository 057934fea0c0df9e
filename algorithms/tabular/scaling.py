"""Scaling of numbers that survives any finite input."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

import numpy as np

from algorithms.tabular.moments import Floats, Moments

Scaling = Literal["asinh", "standard", "minmax", "none"]

FEATURE_LIMIT = 1e18
"""Features are clipped to ± this: their squares are still finite in float32."""
SQUASH = 3.0
"""Up to three standard deviations the squash is nearly linear, beyond them logarithmic."""
_LARGEST = float(np.finfo(np.float64).max)


def scaled(values: Floats, centre: float | Floats, scale: float | Floats, *, squash: bool) -> Floats:
    """Return (values - centre) / scale, squashed or clipped; finite for finite values. Centre and scale broadcast."""
    with np.errstate(over="ignore"):
        features: Floats = (values - centre) / scale
    if squash:
        return SQUASH * np.arcsinh(features.clip(-_LARGEST, _LARGEST) / SQUASH)
    return features.clip(-FEATURE_LIMIT, FEATURE_LIMIT)


@dataclass(frozen=True)
class Scaler:
    """feature = (x - centre) / scale, then 3·asinh(feature / 3) when `squash`.

    Min-max scaling does not clip: a value outside the training range gives a feature outside [0, 1]. Whatever finite
    number comes in, a finite feature comes out, never smaller for a larger number.
    """

    centre: float
    scale: float
    squash: bool

    @classmethod
    def fit(cls, moments: Moments, scaling: Scaling) -> Self | None:
        """Return the scaler of the numbers with these moments; None when they are constant."""
        if moments.low == moments.high:
            return None
        if scaling == "none":
            return cls(0.0, 1.0, squash=False)
        if scaling == "minmax":
            centre, scale = moments.low, min(moments.high - moments.low, _LARGEST)
        else:
            centre, scale = moments.mean, moments.deviation
        if scale == 0.0:  # the spread is below what a float can tell from nothing
            return None
        return cls(centre, scale, squash=scaling == "asinh")

    def transform(self, values: Floats) -> Floats:
        """Return the features (N,) of finite values (N,)."""
        return scaled(values, self.centre, self.scale, squash=self.squash)

    def invert(self, features: Floats) -> Floats:
        """Return the values (N,) of features (N,), in the unit of the training data, always finite."""
        with np.errstate(over="ignore"):
            scaled = SQUASH * np.sinh(features / SQUASH) if self.squash else features
            values: Floats = (scaled * self.scale + self.centre).clip(-_LARGEST, _LARGEST)
            return values

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        return cls(**stored)
