"""Mean, spread, range and median of a stream of numbers, gathered block by block."""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MOST_SAMPLED = 100_000
"""Numbers of a column that its median is taken of; of fewer it is exact."""
SAMPLED_CELLS = 2**23
"""Numbers sampled of all columns of a wide table."""


@dataclass(frozen=True)
class Moments:
    """Count, mean, standard deviation (of the population), least and largest of numbers, all finite.

    Two add up to those of both their numbers. A deviation is kept rather than a sum of squares, and the sums that
    overflow are never made: numbers up to ±1.8e308 are fine.

    Source: Chan, Golub, LeVeque, The American Statistician 37 (1983) 242, eq. 2.1.
    """

    count: int = 0
    mean: float = 0.0
    deviation: float = 0.0
    low: float = math.inf
    high: float = -math.inf

    @classmethod
    def of(cls, values: Floats) -> Self:
        """Return the moments of values (N,)."""
        if len(values) == 0:
            return cls()
        low, high = float(values.min()), float(values.max())
        # Dividing by a power of two first keeps squares and sums of 1e300 finite, and is exact.
        unit = 2.0 ** (math.frexp(max(-low, high))[1] - 1)
        scaled = values / unit
        mean = scaled.mean(keepdims=True)
        return cls(len(values), float(mean[0]) * unit, float(scaled.std(mean=mean)) * unit, low, high)

    @classmethod
    def repeated(cls, value: float, count: int) -> Self:
        """Return the moments of one value that occurs `count` times."""
        return cls(count, value, 0.0, value, value) if count else cls()

    def __add__(self, other: "Moments") -> "Moments":
        if not self.count or not other.count:
            return self if self.count else other
        count = self.count + other.count
        own, others = self.count / count, other.count / count
        half_gap = other.mean / 2 - self.mean / 2
        return Moments(
            count,
            self.mean + half_gap * (2 * others),
            math.hypot(
                self.deviation * math.sqrt(own),
                other.deviation * math.sqrt(others),
                half_gap * (2 * math.sqrt(own * others)),
            ),
            min(self.low, other.low),
            max(self.high, other.high),
        )

    def less(self, origin: float) -> "Moments":
        """Return the moments of the numbers less an origin."""
        if not self.count:
            return self
        return Moments(self.count, self.mean - origin, self.deviation, self.low - origin, self.high - origin)


class Sample:
    """A uniform sample of a stream of numbers: all of them while they are at most `size`, so many later.

    Every number draws a random key, and those with the smallest keys stay. The median of 100,000 of them is a quantile
    of the whole stream within 0.5 ± 0.005 (three standard errors).

    Source: bottom-k sampling, Cohen, Kaplan, PODC 2007, doi:10.1145/1281100.1281133.
    """

    def __init__(self, size: int = MOST_SAMPLED, seed: int = 0) -> None:
        self._size = size
        self._keys_of = np.random.default_rng(seed)
        self._keys: list[Floats] = []
        self._values: list[Floats] = []
        self._held = 0
        self._bound = 1.0  # keys from here on do not stay

    def update(self, values: Floats) -> None:
        """Take in values (N,), all finite."""
        keys = self._keys_of.random(len(values))
        if self._bound < 1.0:
            stay = np.flatnonzero(keys < self._bound)
            keys, values = keys[stay], values[stay]
        self._keys.append(keys)
        self._values.append(values)
        self._held += len(keys)
        if self._held > 2 * self._size:
            self._shrink()

    def median(self) -> float:
        """Return the median of the sample, which holds at least one number."""
        if self._held > self._size:
            self._shrink()
        # Halved, so that the mean of the middle two of 1e308 does not overflow.
        return float(2 * np.median(np.concatenate(self._values) / 2))

    def _shrink(self) -> None:
        keys, values = np.concatenate(self._keys), np.concatenate(self._values)
        stay = np.argpartition(keys, self._size)
        self._bound = float(keys[stay[self._size]])
        stay = stay[: self._size]
        self._keys, self._values, self._held = [keys[stay]], [values[stay]], self._size


def sample_size(columns: int) -> int:
    """Return how many numbers of each of so many columns are sampled."""
    return min(MOST_SAMPLED, SAMPLED_CELLS // max(columns, 1))
