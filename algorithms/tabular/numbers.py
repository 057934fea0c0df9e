"""A column of numbers: one scaled feature."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from algorithms.tabular.cells import number_text
from algorithms.tabular.moments import MOST_SAMPLED, Floats, Moments, Sample
from algorithms.tabular.scaling import Scaler, Scaling, scaled

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


class NumberColumns:
    """Columns of numbers encoded at once: the features are the same bits, and of few rows much faster."""

    def __init__(self, encoders: Mapping[str, NumberEncoder], places: Mapping[str, int]) -> None:
        """`places` are those of the columns' features."""
        self.names = frozenset(encoders)
        self._alike = [
            _Alike.of({name: each for name, each in encoders.items() if each.scaler.squash == squash}, places)
            for squash in {each.scaler.squash for each in encoders.values()}
        ]

    def encode(self, columns: Mapping[str, Any], out: NDArray[np.float32]) -> None:
        """Write the features of columns (N,) into out (N, features)."""
        for alike in self._alike:
            values = np.array([columns[name] for name in alike.names], np.float64)
            filled = np.where(np.isnan(values), alike.fill, values)
            out[:, alike.places] = scaled(filled, alike.centre, alike.scale, squash=alike.squash).T


@dataclass(frozen=True, eq=False)
class _Alike:
    """C columns that are squashed, or are not; fill, centre and scale are (C, 1)."""

    names: Sequence[str]
    places: NDArray[np.intp]
    squash: bool
    fill: Floats
    centre: Floats
    scale: Floats

    @classmethod
    def of(cls, encoders: Mapping[str, NumberEncoder], places: Mapping[str, int]) -> Self:
        numbers = [(each.fill, each.scaler.centre, each.scaler.scale) for each in encoders.values()]
        fill, centre, scale = (np.array(each, np.float64)[:, None] for each in zip(*numbers, strict=True))
        squash = next(iter(encoders.values())).scaler.squash
        return cls(list(encoders), np.array([places[name] for name in encoders], np.intp), squash, fill, centre, scale)


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
