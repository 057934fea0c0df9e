"""Attributes on a common scale, by statistics of the training graph that are kept with the model."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from algorithms.graphbean.graph import PARTS, BipartiteGraph, Parts
from algorithms.graphbean.params import GraphBEANParams

LOG_DEGREE = "log degree"
SQUASH = 3.0
CHUNK = 2**16
"""Rows scaled at once."""
LARGEST = 1e6
"""Standardised values are cut here: an absurd number stays absurd and finite."""
_LARGEST_FLOAT = np.finfo(np.float64).max

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Standardised:
    """(x - mean) / deviation by column (C,); a constant column has the deviation 1, or 1e-12 of a large constant.

    Results beyond float64 are its largest: finite x and z have finite answers.
    """

    mean: Values
    deviation: Values

    @property
    def width(self) -> int:
        return len(self.mean)

    @classmethod
    def fit(cls, x: Values) -> Self:
        """Take the statistics of x (N, C)."""
        return cls.of(lambda rows: x[rows], *x.shape)

    @classmethod
    def of(cls, values: Callable[[slice], NDArray[Any]], count: int, width: int) -> Self:
        """Take the statistics of finite `values` (count, width), which are asked for some rows at a time."""
        if not count:
            return cls(np.zeros(width), np.ones(width))
        mean, largest, variance = np.zeros(width), np.zeros(width), np.zeros(width)
        for rows in _chunks(count):
            np.maximum(largest, np.abs(values(rows)).max(axis=0), out=largest)
        # Sums, and sums of squares, of numbers up to 2 are finite; a power of two as unit costs no digit.
        unit = np.ldexp(1.0, np.frexp(largest)[1] - 1)
        for rows in _chunks(count):
            mean += (values(rows) / unit).sum(axis=0) / count
        for rows in _chunks(count):
            variance += np.square(values(rows) / unit - mean).sum(axis=0) / count
        deviation = np.sqrt(variance) * unit
        # Of a constant column rounding leaves a little, which is no scale.
        least = np.maximum(1e-12 * largest, 1e-300)
        return cls(mean * unit, np.where(deviation <= least, np.maximum(1.0, least), deviation))

    def apply(self, x: Values) -> Values:
        # Halves, as the difference of two floats may be twice as large as any.
        with np.errstate(over="ignore"):
            return _finite((x / 2 - self.mean / 2) / (self.deviation / 2))

    def restore(self, z: Values) -> Values:
        with np.errstate(over="ignore"):
            return _finite(z * self.deviation + self.mean)

    def to_dict(self) -> dict[str, list[float]]:
        return {"mean": self.mean.tolist(), "deviation": self.deviation.tolist()}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        return cls(np.array(stored["mean"]), np.array(stored["deviation"]))


@dataclass(frozen=True)
class Squashed:
    """Standardised z, then sign(z - median)·log1p(3|z - median|), standardised again: long tails become short."""

    first: Standardised
    median: Values
    second: Standardised

    @property
    def width(self) -> int:
        return self.first.width

    @classmethod
    def fit(cls, x: Values) -> Self:
        """Take the statistics of x (N, C)."""
        first = Standardised.fit(x)
        median = np.zeros(x.shape[1])
        if len(x):
            median = first.apply(np.array([2 * np.median(column / 2) for column in x.T], np.float64))
        return cls(first, median, Standardised.of(lambda rows: _squash(first.apply(x[rows]) - median), *x.shape))

    def apply(self, x: Values) -> Values:
        return self.second.apply(_squash(self.first.apply(x) - self.median))

    def restore(self, z: Values) -> Values:
        squashed = self.second.restore(z)
        # float64 ends at exp(709).
        spread = np.sign(squashed) * np.expm1(np.minimum(np.abs(squashed), 700.0)) / SQUASH
        return self.first.restore(spread + self.median)

    def to_dict(self) -> dict[str, Any]:
        return {
            "first": self.first.to_dict(),
            "median": self.median.tolist(),
            "second": self.second.to_dict(),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        first, second = (Standardised.from_dict(stored[name]) for name in ("first", "second"))
        return cls(first, np.array(stored["median"]), second)


@dataclass(frozen=True)
class AttributeScaling:
    """What makes of a graph's attributes what the network sees; fitted on the training graph.

    With `log_degree` the nodes have the logarithm of 1 + degree as one more attribute.
    """

    scaling: Literal["standard", "squash"]
    log_degree: bool
    columns: Parts[Standardised | Squashed]

    @classmethod
    def fit(cls, graph: BipartiteGraph, params: GraphBEANParams) -> Self:
        """Take the statistics of a graph; collective scoring squashes and always has the degree."""
        collective = params.scoring == "collective"
        log_degree = collective or params.log_degree
        attributes = _attributes(graph, log_degree=log_degree)
        columns: Parts[Standardised | Squashed] = attributes.map(Squashed.fit if collective else Standardised.fit)
        return cls("squash" if collective else "standard", log_degree, columns)

    def apply(self, graph: BipartiteGraph) -> BipartiteGraph:
        """Return the graph with its attributes scaled, as float32.

        Raises:
            ValueError: it has another number of attributes than the training graph.
        """
        attributes = _attributes(graph, log_degree=self.log_degree)
        for part, values, columns in zip(PARTS, attributes, self.columns, strict=True):
            if values.shape[1] != columns.width:
                raise ValueError(f"{part} has {values.shape[1]} attributes, the training graph had {columns.width}")
        pairs = zip(self.columns, attributes, strict=True)
        return BipartiteGraph(graph.edge_index, Parts(*(_scaled(columns, values) for columns, values in pairs)))

    def restore(self, part: Literal["u", "v", "e"], scaled: NDArray[Any]) -> Values:
        """Return scaled attributes (N, C) of a part in their own units."""
        columns: Standardised | Squashed = getattr(self.columns, part)
        return columns.restore(scaled.astype(np.float64))

    def names(self, attributes: Parts[tuple[str, ...]]) -> Parts[tuple[str, ...]]:
        """Return the names of the scaled attributes, given those of the graph's."""
        more = (LOG_DEGREE,) * self.log_degree
        return Parts((*attributes.u, *more), (*attributes.v, *more), attributes.e)

    def to_dict(self) -> dict[str, Any]:
        columns = {part: scaling.to_dict() for part, scaling in zip(PARTS, self.columns, strict=True)}
        return {"scaling": self.scaling, "log_degree": self.log_degree, "columns": columns}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        kind = Squashed if stored["scaling"] == "squash" else Standardised
        columns = Parts(*(kind.from_dict(stored["columns"][part]) for part in PARTS))
        return cls(stored["scaling"], stored["log_degree"], columns)


def _attributes(graph: BipartiteGraph, *, log_degree: bool) -> Parts[NDArray[Any]]:
    if not log_degree:
        return graph.x
    u, v = (np.log1p(degree.astype(np.float64))[:, None] for degree in graph.degrees())
    return Parts(np.hstack([graph.x.u, u]), np.hstack([graph.x.v, v]), graph.x.e)


def _scaled(columns: Standardised | Squashed, values: NDArray[Any]) -> NDArray[np.float32]:
    """Return values (N, C) scaled, in float64 only some rows at a time."""
    scaled = np.empty(values.shape, np.float32)
    for rows in _chunks(len(values)):
        scaled[rows] = np.clip(columns.apply(values[rows].astype(np.float64, copy=False)), -LARGEST, LARGEST)
    return scaled


def _chunks(count: int) -> Iterator[slice]:
    return (slice(start, start + CHUNK) for start in range(0, count, CHUNK))


def _finite(values: Values) -> Values:
    return np.clip(values, -_LARGEST_FLOAT, _LARGEST_FLOAT, out=values)


def _squash(z: Values) -> Values:
    squashed: Values = np.sign(z) * np.log1p(SQUASH * np.minimum(np.abs(z), 1e300))
    return squashed
