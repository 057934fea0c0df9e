"""Rows merged into edges, and what edges and nodes know of their rows: sorts and counts of integers, in numpy alone."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from algorithms.graphbean.graph import Parts

Integers = NDArray[np.integer[Any]]
Floats = NDArray[np.float64]
_LARGEST = np.finfo(np.float64).max


@dataclass(frozen=True, eq=False)
class MergedRows:
    """Rows with an edge each, one edge for all rows of a pair; every value below is per u (U,), v (V,) and edge (E,).

    Shapes:
        edge_index: (2, E) int64, sorted by u, then v
        edge_of_row: (N,) int64
        nodes: U and V
    """

    edge_index: NDArray[np.int64]
    edge_of_row: NDArray[np.int64]
    nodes: tuple[int, int]

    @classmethod
    def of(cls, u: Integers, v: Integers, nodes: tuple[int, int]) -> Self:
        """Merge N rows, at least one, by their u (N,) in [0, U) and v (N,) in [0, V)."""
        keys = u.astype(np.int64) * nodes[1] + v
        order = np.argsort(keys)
        keys = keys[order]
        new = _is_first(keys)
        edge_of_row = np.empty(len(keys), np.int64)
        edge_of_row[order] = np.cumsum(new) - 1
        return cls(np.stack(np.divmod(keys[new], nodes[1])), edge_of_row, nodes)

    @cached_property
    def rows(self) -> Parts[NDArray[np.int64]]:
        """The numbers of rows."""
        return self._summed(self._edge_counts(self.edge_of_row)).map(lambda count: count.astype(np.int64))

    def distinct(self, codes: Integers, kinds: int) -> Parts[NDArray[np.int64]]:
        """Return how many different codes (N,) in [0, kinds) there are; negative ones are not counted."""
        given = codes >= 0
        if np.count_nonzero(given) <= kinds and np.bincount(codes[given], minlength=1).max() <= 1:  # an id for each row
            return self._summed(self._edge_counts(self.edge_of_row[given])).map(lambda count: count.astype(np.int64))
        edges, seen = _distinct_pairs(self.edge_of_row[given], codes[given], kinds)
        u, v = (_distinct_pairs(ends[edges], seen, kinds)[0] for ends in self.edge_index)
        return Parts(*(np.bincount(p, minlength=n) for p, n in zip((u, v, edges), self._sizes, strict=True)))

    def sums_and_means(self, numbers: Floats) -> tuple[Parts[Floats], Parts[Floats]]:
        """Return sums and means of numbers (N,); NaN counts in neither, and sum and mean of none are 0.

        A sum above the largest float64 is that one.
        """
        given = ~np.isnan(numbers)
        edges = self.edge_of_row[given]
        of_edges: Floats = np.bincount(edges, numbers[given], self.edge_index.shape[1]).astype(np.float64, copy=False)
        sums = self._summed(_finite(of_edges)).map(_finite)
        counts = self._summed(self._edge_counts(edges))
        means = [total / np.maximum(count, 1) for total, count in zip(sums, counts, strict=True)]
        return sums, Parts(*means)

    def shares(self, codes: Integers, kinds: int) -> Parts[Floats]:
        """Return the share of each code (N,) in [0, kinds) among the rows: (U, kinds), (V, kinds), (E, kinds)."""
        edges = self.edge_index.shape[1]
        counts = np.bincount(self.edge_of_row * kinds + codes, minlength=edges * kinds)
        pairs = np.flatnonzero(counts)
        edge_of_pair, code_of_pair = np.divmod(pairs, kinds)
        u, v = (
            np.bincount(ends[edge_of_pair] * kinds + code_of_pair, counts[pairs], minlength=size * kinds)
            for ends, size in zip(self.edge_index, self.nodes, strict=True)
        )
        by_code = Parts(u, v, counts).map(lambda count: count.reshape(-1, kinds))
        return Parts(*(count / rows[:, None] for count, rows in zip(by_code, self.rows, strict=True)))

    @property
    def _sizes(self) -> tuple[int, int, int]:
        return *self.nodes, self.edge_index.shape[1]

    def _edge_counts(self, edges: Integers) -> NDArray[np.intp]:
        """Return how often each edge (E,) occurs in these (M,)."""
        return np.bincount(edges, minlength=self.edge_index.shape[1])

    def _summed(self, of_edges: NDArray[Any]) -> Parts[NDArray[Any]]:
        """Return the values (E,) of the edges, and their sums at each u and v."""
        u, v = (np.bincount(ends, of_edges, size) for ends, size in zip(self.edge_index, self.nodes, strict=True))
        return Parts(u, v, of_edges)


def _distinct_pairs(groups: Integers, codes: Integers, kinds: int) -> tuple[Integers, Integers]:
    """Return the different pairs among groups (N,) and codes (N,) in [0, kinds)."""
    keys = groups.astype(np.int64) * kinds + codes
    if len(keys) and keys.max() < 2**32:  # half the bytes to sort
        keys = keys.astype(np.uint32)
    keys.sort()
    return np.divmod(keys[_is_first(keys)], max(kinds, 1))


def _is_first(ordered: Integers) -> NDArray[np.bool_]:
    """Tell of each sorted value (N,) whether it differs from the one before."""
    first = np.ones(len(ordered), np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return first


def _finite(sums: Floats) -> Floats:
    return np.clip(sums, -_LARGEST, _LARGEST)
