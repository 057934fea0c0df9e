"""Neighbourhoods of some edges, sampled from a graph that is too large to be trained on at once."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from algorithms.graphbean.graph import BipartiteGraph, Parts

Numbers = NDArray[np.int64]


class Neighbourhood(NamedTuple):
    """A part of a graph: some seed edges and what was sampled around them.

    Shapes:
        members: u (U',), v (V',), e (E',) the graph's numbers of its nodes, rising, and of its edges
        edge_index: (2, E') its edges between its own nodes, sorted by (u, v)
        seeds: u (at most B,), v (at most B,), e (B,) places among the members of the seed edges and of the nodes at
            their ends, each once, rising
    """

    members: Parts[Numbers]
    edge_index: Numbers
    seeds: Parts[Numbers]


class NeighbourSampler:
    """Samples neighbourhoods hop by hop: of every node reached by the hop before, some of its edges.

    `num_neighbors_u[hop]` is how many edges of a u node are sampled at most, without replacement and each as likely as
    any other; a node with fewer gives all of them. Not for several threads at once.
    """

    def __init__(self, graph: BipartiteGraph, num_neighbors_u: Sequence[int], num_neighbors_v: Sequence[int]) -> None:
        self._hops = list(zip(num_neighbors_u, num_neighbors_v, strict=True))
        self._width = len(graph.x.v)
        # Below, an edge's number is its place in the order by (u, v), until the members of a neighbourhood are told.
        keys = graph.keys
        self._order = np.argsort(keys)
        self._keys = keys[self._order]
        self._place = np.empty_like(self._order)
        self._place[self._order] = np.arange(graph.edges)
        self._u, self._v = graph.edge_index[:, self._order]
        self._by_v = np.argsort(self._v, kind="stable")
        self._starts_u, self._starts_v = (np.append(0, np.cumsum(degrees)) for degrees in graph.degrees())
        # Marks are many times faster than sorting for what is distinct; all are taken back after every sample.
        self._marked = graph.sizes.map(lambda size: np.zeros(size, np.bool_))
        self._local = graph.sizes.map(lambda size: np.empty(size, np.int64))

    def sample(self, seed_edges: Numbers, rng: np.random.Generator) -> Neighbourhood:
        """Return a neighbourhood of the edges with these numbers (B,), each given once."""
        seeds = np.sort(self._place[seed_edges])
        marked = self._marked
        marked.e[seeds] = True
        seed_u = reached_u = _mark(marked.u, self._u[seeds])
        seed_v = reached_v = _mark(marked.v, self._v[seeds])
        for most_u, most_v in self._hops:
            of_u = _draw(self._starts_u, reached_u, most_u, rng)
            of_v = self._by_v[_draw(self._starts_v, reached_v, most_v, rng)]
            marked.e[of_u] = marked.e[of_v] = True
            reached_u, reached_v = _mark(marked.u, self._u[of_v]), _mark(marked.v, self._v[of_u])
        members = marked.map(np.flatnonzero)
        for marks, local, numbers in zip(marked, self._local, members, strict=True):
            marks[numbers] = False
            local[numbers] = np.arange(len(numbers))
        u, v, e = self._local
        edge_index = np.stack([u[self._u[members.e]], v[self._v[members.e]]])
        return Neighbourhood(
            members._replace(e=self._order[members.e]), edge_index, Parts(u[seed_u], v[seed_v], e[seeds])
        )

    def connected(self, u: Numbers, v: Numbers) -> NDArray[np.bool_]:
        """Return for pairs of nodes u (N,) and v (N,) whether the whole graph has an edge between them, (N,)."""
        wanted = u * self._width + v
        order = np.argsort(wanted)  # in order, a search finds most of what it reads in the cache
        wanted = wanted[order]
        places = np.minimum(np.searchsorted(self._keys, wanted), len(self._keys) - 1)
        found = np.empty(len(wanted), np.bool_)
        found[order] = self._keys[places] == wanted
        return found


def _draw(starts: Numbers, nodes: Numbers, most: int, rng: np.random.Generator) -> Numbers:
    """Return at most so many of each node's edges, which are numbered from starts[node] to starts[node + 1]."""
    first = starts[nodes]
    degrees = starts[nodes + 1] - first
    all_of_them, half_or_more = degrees <= most, (degrees > most) & (degrees <= 2 * most)
    fewer = degrees > 2 * most
    drawn = [
        _ranges(first[all_of_them], degrees[all_of_them]),
        _most_of(first[half_or_more], degrees[half_or_more], most, rng),
        _few_of(first[fewer], degrees[fewer], most, rng),
    ]
    return np.concatenate(drawn)


def _ranges(first: Numbers, lengths: Numbers) -> Numbers:
    """Return first, first + 1, ... for each of the lengths, one range after the other."""
    before = np.cumsum(lengths) - lengths
    ranges: Numbers = np.repeat(first - before, lengths) + np.arange(lengths.sum())
    return ranges


def _most_of(first: Numbers, lengths: Numbers, most: int, rng: np.random.Generator) -> Numbers:
    """Return `most` of each range, by shuffling it."""
    ranges = _ranges(first, lengths)
    shuffled = np.repeat(np.arange(len(first)) << 32, lengths) + rng.integers(2**32, size=len(ranges))
    before = np.repeat(np.cumsum(lengths) - lengths, lengths)
    chosen: Numbers = ranges[np.argsort(shuffled)[np.arange(len(ranges)) - before < most]]
    return chosen


def _few_of(first: Numbers, lengths: Numbers, most: int, rng: np.random.Generator) -> Numbers:
    """Return `most` of each range, which has more than twice as many, by drawing again what was drawn twice."""
    drawn = rng.integers(lengths[:, None], size=(len(lengths), most))
    rows = np.arange(len(lengths))
    while len(rows):
        some = np.sort(drawn[rows], axis=1)
        row, column = np.nonzero(some[:, 1:] == some[:, :-1])
        some[row, column] = rng.integers(lengths[rows[row]])
        drawn[rows] = some
        rows = rows[np.unique(row)]
    chosen: Numbers = (first[:, None] + drawn).ravel()
    return chosen


def _mark(marked: NDArray[np.bool_], numbers: Numbers) -> Numbers:
    """Mark the numbers; return those that were not marked before, rising, each once."""
    new = np.sort(numbers[~marked[numbers]])
    marked[new] = True
    distinct: Numbers = new[np.append(True, new[1:] != new[:-1])[: len(new)]]
    return distinct
