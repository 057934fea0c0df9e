"""The bipartite graph: nodes of two kinds, u and v, and attributed edges between them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
S = TypeVar("S")

PARTS = ("u", "v", "e")


class Parts(NamedTuple, Generic[T]):
    """One thing for each part of a graph: the u nodes, the v nodes, the edges."""

    u: T
    v: T
    e: T

    def map(self, function: Callable[[T], S]) -> "Parts[S]":
        """Return the function's value for each part."""
        return Parts(*(function(part) for part in self))


@dataclass(frozen=True, eq=False)
class BipartiteGraph:
    """Nodes u and v with attributes, and edges with attributes, each pair (u, v) at most once.

    Shapes:
        edge_index: (2, E) int64, row 0 in [0, U), row 1 in [0, V)
        x: u (U, in_u), v (V, in_v), e (E, in_e), finite floats

    Raises:
        ValueError: the shapes or the indices do not fit, a pair occurs twice, or an attribute is not finite.
    """

    edge_index: NDArray[np.int64]
    x: Parts[NDArray[Any]]

    def __post_init__(self) -> None:
        if self.edge_index.ndim != 2 or len(self.edge_index) != 2 or self.edge_index.dtype != np.int64:
            raise ValueError(f"edge_index is {self.edge_index.dtype} of shape {self.edge_index.shape}; expected (2, E)")
        for part, values in zip(PARTS, self.x, strict=True):
            if values.ndim != 2 or values.dtype.kind != "f":
                raise ValueError(f"x.{part} is {values.dtype} of shape {values.shape}; expected floats of two axes")
            if not np.isfinite(values).all():
                raise ValueError(f"x.{part} has a value that is not finite")
        if len(self.x.e) != self.edges:
            raise ValueError(f"there are {self.edges} edges but {len(self.x.e)} rows of edge attributes")
        for side, ends, nodes in zip("uv", self.edge_index, (len(self.x.u), len(self.x.v)), strict=True):
            if len(ends) and not 0 <= ends.min() <= ends.max() < nodes:
                raise ValueError(f"an edge ends at a {side} that is not in [0, {nodes})")
        keys = np.sort(self.keys)  # many times faster than np.unique on millions
        if (keys[1:] == keys[:-1]).any():
            raise ValueError("a pair of u and v has more than one edge; merge them")

    @property
    def edges(self) -> int:
        """The number of edges, E."""
        return int(self.edge_index.shape[1])

    @property
    def sizes(self) -> Parts[int]:
        """The numbers of nodes and edges: U, V, E."""
        return self.x.map(len)

    @property
    def widths(self) -> Parts[int]:
        """The numbers of attributes: in_u, in_v, in_e."""
        return self.x.map(lambda values: int(values.shape[1]))

    @property
    def keys(self) -> NDArray[np.int64]:
        """One number for each pair: u·V + v, (E,)."""
        keys: NDArray[np.int64] = self.edge_index[0] * len(self.x.v) + self.edge_index[1]
        return keys

    def degrees(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the numbers of edges at each u (U,) and at each v (V,)."""
        u, v = self.edge_index
        return np.bincount(u, minlength=len(self.x.u)), np.bincount(v, minlength=len(self.x.v))
