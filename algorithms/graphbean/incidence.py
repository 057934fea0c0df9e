"""How node and edge attributes meet: what each node collects from its edges and from the nodes at their other ends.

`Incidence` collects with sparse products and the kernels of `algorithms.graphbean.kernels`, on a CPU.
`ScatterIncidence` says the same with scatters, which run on CUDA and can be exported. Both give zeros to a node without
edges.
"""

import warnings
from collections.abc import Iterator
from typing import Protocol

import torch
from torch import Tensor
from torch_geometric.utils import scatter

from algorithms.graphbean import kernels


class Side(Protocol):
    """The nodes of one kind, N of them, as the places where things are collected; M nodes are of the other kind."""

    def mean_of_nodes(self, x_other: Tensor) -> Tensor:
        """(M, C) → (N, C): the mean over a node's neighbours."""

    def max_of_nodes(self, x_other: Tensor) -> Tensor:
        """(M, C) → (N, C): the largest value among a node's neighbours."""

    def mean_of_edges(self, x_e: Tensor) -> Tensor:
        """(E, C) → (N, C): the mean over a node's edges."""

    def max_of_edges(self, x_e: Tensor) -> Tensor:
        """(E, C) → (N, C): the largest value among a node's edges."""

    def at_edges(self, x: Tensor) -> Tensor:
        """(N, C) → (E, C): for each edge the value of its node."""


def pool(side: Side, x_other: Tensor, x_e: Tensor | None) -> list[Tensor]:
    """Return all that a node collects: mean and max over its neighbours and, if edges have values, over its edges."""
    return list(pool_in_turn(side, x_other, x_e))


def pool_in_turn(side: Side, x_other: Tensor, x_e: Tensor | None) -> Iterator[Tensor]:
    """Give what `pool` returns, each made when it is asked for."""
    yield side.mean_of_nodes(x_other)
    yield side.max_of_nodes(x_other)
    if x_e is not None:
        yield side.mean_of_edges(x_e)
        yield side.max_of_edges(x_e)


class ScatterSide:
    """A side in the plain words of PyTorch Geometric.

    Shapes:
        ends, other_ends: (E,) for each edge its node of this side, and of the other
    """

    def __init__(self, ends: Tensor, other_ends: Tensor, nodes: int) -> None:
        self._ends, self._other_ends, self._nodes = ends, other_ends, nodes

    def mean_of_nodes(self, x_other: Tensor) -> Tensor:
        return self.mean_of_edges(x_other[self._other_ends])

    def max_of_nodes(self, x_other: Tensor) -> Tensor:
        return self.max_of_edges(x_other[self._other_ends])

    def mean_of_edges(self, x_e: Tensor) -> Tensor:
        mean: Tensor = scatter(x_e, self._ends, dim=0, dim_size=self._nodes, reduce="mean")
        return mean

    def max_of_edges(self, x_e: Tensor) -> Tensor:
        # From -inf: a start of 0, as `scatter` has, would take a share of the gradient wherever 0 is the largest.
        nothing = x_e.new_full((self._nodes, x_e.shape[1]), -torch.inf)
        places = self._ends.unsqueeze(1).expand_as(x_e)
        largest = nothing.scatter_reduce(0, places, x_e, "amax")
        return torch.where(largest == -torch.inf, 0.0, largest)

    def at_edges(self, x: Tensor) -> Tensor:
        return x[self._ends]


class ScatterIncidence:
    """Both sides of a graph, by scatters.

    Shapes:
        edge_index: (2, E), row 0 in [0, nodes_u), row 1 in [0, nodes_v)
    """

    def __init__(self, edge_index: Tensor, nodes_u: int, nodes_v: int) -> None:
        self.edge_index = edge_index
        self.u: Side = ScatterSide(edge_index[0], edge_index[1], nodes_u)
        self.v: Side = ScatterSide(edge_index[1], edge_index[0], nodes_v)


class SparseSide:
    """A side by sparse products: `collect` (N, E) sums nodes' edges, `neighbours` (N, M) the nodes at their ends."""

    def __init__(self, ends: Tensor, other_ends: Tensor, nodes: int, other_nodes: int) -> None:
        self._ends, self._other_ends = ends, other_ends
        order = torch.argsort(ends, stable=True)
        starts = _starts(ends, nodes)
        self.collect = _csr(starts, order, len(ends))
        self.neighbours = _csr(starts, other_ends[order], other_nodes)
        self.inverse_degree = 1 / torch.diff(starts).clamp(min=1).unsqueeze(1).float()

    def connect(self, other: "SparseSide") -> None:
        """Take from the other side what the gradients need."""
        self._distribute = other.collect
        self._reverse = other.neighbours

    def mean_of_nodes(self, x_other: Tensor) -> Tensor:
        return kernels.sparse_product(x_other, self.neighbours, self._reverse) * self.inverse_degree

    def max_of_nodes(self, x_other: Tensor) -> Tensor:
        return kernels.neighbour_max(
            x_other, self.neighbours, self.collect, self._ends, self._other_ends, self._distribute
        )

    def mean_of_edges(self, x_e: Tensor) -> Tensor:
        return kernels.edge_sum(x_e, self.collect, self._ends) * self.inverse_degree

    def max_of_edges(self, x_e: Tensor) -> Tensor:
        return kernels.edge_max(x_e, self.collect, self._ends)

    def at_edges(self, x: Tensor) -> Tensor:
        return kernels.gather(x, self._ends, self.collect)


class Incidence:
    """Both sides of a graph, by sparse products; best with edges sorted by u.

    Shapes:
        edge_index: (2, E), row 0 in [0, nodes_u), row 1 in [0, nodes_v)
    """

    def __init__(self, edge_index: Tensor, nodes_u: int, nodes_v: int) -> None:
        self.edge_index = edge_index
        u = SparseSide(edge_index[0], edge_index[1], nodes_u, nodes_v)
        v = SparseSide(edge_index[1], edge_index[0], nodes_v, nodes_u)
        u.connect(v)
        v.connect(u)
        self.u: Side = u
        self.v: Side = v


def _starts(ends: Tensor, nodes: int) -> Tensor:
    starts = torch.zeros(nodes + 1, dtype=torch.int64)
    torch.cumsum(torch.bincount(ends, minlength=nodes), 0, out=starts[1:])
    return starts


def _csr(starts: Tensor, columns: Tensor, width: int) -> Tensor:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse")  # CSR tensors call themselves a beta; what is used here is tested
        return torch.sparse_csr_tensor(
            starts, columns, torch.ones(len(columns)), (len(starts) - 1, width), check_invariants=False
        )
