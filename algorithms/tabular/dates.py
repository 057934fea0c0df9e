"""A column of dates: days since the training mean, and the time of day and weekday on circles."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from algorithms.tabular.cells import date_text
from algorithms.tabular.moments import MOST_SAMPLED, Floats
from algorithms.tabular.numbers import Missing, NumberEncoder, NumberStatistics
from algorithms.tabular.scaling import Scaling

Dates = NDArray[np.datetime64]

_DAY = 86_400_000_000  # microseconds
_HALF_DAY = timedelta(hours=12)
_EPOCH, _FIRST, _LAST = (datetime.fromisoformat(day) for day in ("1970-01-01", "0001-01-01", "9999-12-31"))


@dataclass(frozen=True)
class DateEncoder:
    """Features, in this order: days (scaled like a number), time of day (sin, cos), weekday (sin, cos).

    Time of day and weekday are left out where they are constant in training. A missing date has the days that `missing`
    says (zero: the training mean) and lies in the centre of both circles.
    """

    kind: ClassVar[str] = "date"
    numeric: ClassVar[bool] = True

    origin: datetime
    days: NumberEncoder
    whole_days: bool
    has_time: bool
    has_weekday: bool

    @property
    def width(self) -> int:
        return 1 + 2 * self.has_time + 2 * self.has_weekday

    def encode(self, values: Dates, out: NDArray[np.float32]) -> None:
        """Write the features of values (N,) into out (N, width)."""
        self.days.encode(_days(values, self.origin), out[:, :1])
        missing = np.isnat(values)
        microseconds = _microseconds(values)
        turns = []
        if self.has_time:
            turns.append(microseconds % _DAY / _DAY)
        if self.has_weekday:
            turns.append(microseconds // _DAY % 7 / 7)
        for i, turn in enumerate(turns):
            out[:, 1 + 2 * i] = np.where(missing, 0.0, np.sin(2 * np.pi * turn))
            out[:, 2 + 2 * i] = np.where(missing, 0.0, np.cos(2 * np.pi * turn))

    def decode(self, features: NDArray[np.float32]) -> list[str]:
        """Return ISO 8601 dates of features (N, width), to the second; to the day when training had whole days only."""
        # Past the years 1 to 9999 a reconstruction says no more than "far away".
        low, high = ((edge - self.origin) / timedelta(days=1) for edge in (_FIRST, _LAST))
        days = np.clip(self.days.decode(features[:, :1]), low, high)
        dates = [self.origin + timedelta(seconds=round(day * 86_400)) for day in days.tolist()]
        if not self.whole_days:
            return [date_text(date) for date in dates]
        return [(min(date, _LAST - _HALF_DAY) + _HALF_DAY).date().isoformat() for date in dates]

    def to_dict(self) -> dict[str, Any]:
        return {
            "origin": self.origin.isoformat(),
            "days": self.days.to_dict(),
            "whole_days": self.whole_days,
            "has_time": self.has_time,
            "has_weekday": self.has_weekday,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        return cls(
            datetime.fromisoformat(stored["origin"]),
            NumberEncoder.from_dict(stored["days"]),
            whole_days=stored["whole_days"],
            has_time=stored["has_time"],
            has_weekday=stored["has_weekday"],
        )


class DateStatistics:
    """What an encoder of dates is fitted from, gathered block by block."""

    def __init__(self, sampled: int = MOST_SAMPLED) -> None:
        # Near the dates, where days keep their microseconds: from the first date on, at a whole second.
        self._first: datetime | None = None
        self._days = NumberStatistics(sampled)
        self._times, self._weekdays = _Range(), _Range()

    @property
    def rows(self) -> int:
        return self._days.rows

    @property
    def missing(self) -> int:
        return self._days.missing

    def update(self, values: Dates) -> None:
        """Take in values (N,), NaT where missing."""
        observed = _microseconds(values[~np.isnat(values)])
        if len(observed):
            if self._first is None:
                self._first = _EPOCH + timedelta(seconds=int(observed[0]) // 1_000_000)
            self._times.update(observed % _DAY)
            self._weekdays.update(observed // _DAY % 7)
        self._days.update(_days(values, self._first or _EPOCH))

    @property
    def only_value(self) -> str | None:
        """The text of the date that all observed ones are, None if they differ."""
        days = self._days.moments
        if days.low != days.high or self._first is None:
            return None
        return date_text(self._first + timedelta(days=days.low))

    def encoder(self, missing: Missing, scaling: Scaling) -> DateEncoder | None:
        """Return the encoder of dates that are not all missing; None for a constant column."""
        first = self._first or _EPOCH
        shift = timedelta(seconds=round(self._days.moments.mean * 86_400))
        days = self._days.encoder(missing, scaling, origin=shift / timedelta(days=1))
        if days is None:
            return None
        return DateEncoder(
            first + shift,
            days,
            whole_days=self._times.high == 0,
            has_time=self._times.high > self._times.low,
            has_weekday=self._weekdays.high > self._weekdays.low,
        )


@dataclass
class _Range:
    low: float = math.inf
    high: float = -math.inf

    def update(self, values: NDArray[np.int64]) -> None:
        self.low, self.high = min(self.low, int(values.min())), max(self.high, int(values.max()))


def _microseconds(values: Dates) -> NDArray[np.int64]:
    return values.astype("datetime64[us]").astype(np.int64)


def _days(values: Dates, origin: datetime) -> Floats:
    days: Floats = (values - np.datetime64(origin, "us")) / np.timedelta64(1, "D")
    return days  # NaT gives NaN
