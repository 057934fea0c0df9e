"""Pairs without an edge, drawn so that a batch of small dense products scores them."""

from typing import NamedTuple

import torch
from torch import Tensor


class Negatives(NamedTuple):
    """Groups of u nodes and of v nodes; the pairs within a group that have no edge are the negatives.

    Shapes:
        u: (K, a) and v: (K, b), node numbers, each node at most once
        real: (R, 3) group, place in u, place in v of the pairs that do have an edge
    """

    u: Tensor
    v: Tensor
    real: Tensor

    def logits(self, h_u: Tensor, h_v: Tensor) -> Tensor:
        """Return the logits (K·a·b - R,) of the negatives."""
        groups, in_u = self.u.shape
        products = torch.bmm(
            h_u.index_select(0, self.u.flatten()).view(groups, in_u, -1),
            h_v.index_select(0, self.v.flatten()).view(groups, self.v.shape[1], -1).transpose(1, 2),
        )
        if not len(self.real):
            return products.flatten()
        keep = torch.ones_like(products, dtype=torch.bool)
        keep[tuple(self.real.T)] = False
        return products[keep]


def draw_negatives(edge_index: Tensor, nodes_u: int, nodes_v: int, count: int, rng: torch.Generator) -> Negatives:
    """Draw about `count` pairs, uniformly, each at most once; fewer are left where they have an edge.

    Both kinds of nodes are dealt at random into as many groups as make so many pairs within groups. A complete graph
    has no negatives at all.

    Shapes:
        edge_index: (2, E)
    """
    u, v = deal(nodes_u, nodes_v, count, rng)
    (_, in_u), (_, in_v) = u.shape, v.shape
    place_u, place_v = (
        _places(dealt.flatten(), nodes).to(edge_index.device) for dealt, nodes in ((u, nodes_u), (v, nodes_v))
    )
    at_u, at_v = place_u[edge_index[0]], place_v[edge_index[1]]
    together = (at_u >= 0) & (at_v >= 0) & (at_u // in_u == at_v // in_v)
    at_u, at_v = at_u[together], at_v[together]
    real = torch.stack([at_u // in_u, at_u % in_u, at_v % in_v], dim=1)
    return Negatives(u.to(edge_index.device), v.to(edge_index.device), real)


def deal(nodes_u: int, nodes_v: int, count: int, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Deal both kinds of nodes at random into the same number of groups, (K, a) and (K, b); K·a·b is about `count`."""
    groups = max(1, min(nodes_u, nodes_v, nodes_u * nodes_v // max(1, count)))
    in_u, in_v = nodes_u // groups, nodes_v // groups
    u = torch.randperm(nodes_u, generator=rng)[: groups * in_u]
    v = torch.randperm(nodes_v, generator=rng)[: groups * in_v]
    return u.view(groups, in_u), v.view(groups, in_v)


def _places(dealt: Tensor, nodes: int) -> Tensor:
    """Return for each node its place (nodes,) among those dealt, -1 for one left over."""
    places = torch.full((nodes,), -1, dtype=torch.int64)
    places[dealt] = torch.arange(len(dealt))
    return places
