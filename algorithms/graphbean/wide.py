"""The error of many edge attributes without ever making them: a closed form for the last layer while it trains.

That layer gives an edge y = γ (W h - mean) / deviation + β, where h are the values of its ends and its own; mean and
deviation are those over all edges. The mean squared difference to targets t needs W and only three means over edges:
those of h, of h hᵀ and of h tᵀ. As an edge's h repeats its nodes' values, most of each is a product over nodes. With K
attributes on E edges, nothing of size E × K is made or kept for the gradient, which pays when K is larger than h.
"""

from typing import Any

import torch
from torch import Tensor

from algorithms.graphbean.conv import BEANConv
from algorithms.graphbean.graph import Parts
from algorithms.graphbean.incidence import Incidence, ScatterIncidence, Side


class EdgeTarget:
    """What of the edges' attributes x_e (E, K) does not change while a network trains to reconstruct them."""

    def __init__(self, x_e: Tensor, incidence: Incidence | ScatterIncidence) -> None:
        u, v = incidence.edge_index
        self.x_e = x_e
        self.degree_u, self.degree_v = _degree(u, incidence.u, x_e), _degree(v, incidence.v, x_e)
        self.sum_at_u = incidence.u.mean_of_edges(x_e) * self.degree_u  # (U, K)
        self.sum_at_v = incidence.v.mean_of_edges(x_e) * self.degree_v  # (V, K)
        self.mean = x_e.mean(dim=0)
        self.mean_square = x_e.square().mean(dim=0)


def pays(layer: BEANConv) -> bool:
    """Tell whether a layer has more edge attributes to give than values to make them of."""
    return layer.linear_e is not None and layer.linear_e.linear.out_features > layer.linear_e.linear.in_features


def edge_error(
    layer: BEANConv, x: Parts[Tensor], incidence: Incidence | ScatterIncidence, target: EdgeTarget
) -> Tensor:
    """Return the mean squared error of the edge attributes that a layer in training mode makes of x.

    Its batch normalisation's running statistics move as if it had made them.
    """
    assert layer.linear_e is not None  # `pays` said so  # noqa: S101
    linear, norm = layer.linear_e.linear, layer.norm_e
    edges = len(target.x_e)
    mean, moments, cross = _means(x, incidence, target)
    covariance = moments - torch.outer(mean, mean)
    variance = ((linear.weight @ covariance) * linear.weight).sum(dim=1).clamp(min=0)
    with_target = (linear.weight * cross.T).sum(dim=1) - (linear.weight @ mean) * target.mean
    gain = norm.weight / torch.sqrt(variance + norm.eps)
    error = gain.square() * variance - 2 * gain * with_target
    error = error + norm.bias.square() - 2 * norm.bias * target.mean + target.mean_square
    _move(norm, linear.weight @ mean + linear.bias, variance * edges / max(1, edges - 1))
    return error.mean()


@torch.no_grad()
def _move(norm: Any, mean: Tensor, variance: Tensor) -> None:
    """Move the running statistics as a step of training does."""
    norm.num_batches_tracked += 1
    norm.running_mean.lerp_(mean, norm.momentum)
    norm.running_var.lerp_(variance, norm.momentum)


def _means(
    x: Parts[Tensor], incidence: Incidence | ScatterIncidence, target: EdgeTarget
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the means over edges of h (C,), h hᵀ (C, C) and h tᵀ (C, K); h has u's values, v's, the edge's own."""
    weighted_u, weighted_v = x.u * target.degree_u, x.v * target.degree_v
    neighbours = incidence.u.mean_of_nodes(x.v) * target.degree_u
    blocks = {"uu": x.u.T @ weighted_u, "uv": x.u.T @ neighbours, "vv": x.v.T @ weighted_v}
    sums = [weighted_u.sum(dim=0), weighted_v.sum(dim=0)]
    crosses = [x.u.T @ target.sum_at_u, x.v.T @ target.sum_at_v]
    rows = [[blocks["uu"], blocks["uv"]], [blocks["uv"].T, blocks["vv"]]]
    if x.e is not None:
        with_u = x.u.T @ (incidence.u.mean_of_edges(x.e) * target.degree_u)
        with_v = x.v.T @ (incidence.v.mean_of_edges(x.e) * target.degree_v)
        rows = [[*rows[0], with_u], [*rows[1], with_v], [with_u.T, with_v.T, x.e.T @ x.e]]
        sums.append(x.e.sum(dim=0))
        crosses.append(x.e.T @ target.x_e)
    moments = torch.cat([torch.cat(row, dim=1) for row in rows])
    edges = len(target.x_e)
    return torch.cat(sums) / edges, moments / edges, torch.cat(crosses) / edges


def _degree(ends: Tensor, side: Side, like: Tensor) -> Tensor:
    nodes = len(side.mean_of_edges(like[:, :1]))
    return torch.bincount(ends, minlength=nodes).unsqueeze(1).to(like.dtype)
