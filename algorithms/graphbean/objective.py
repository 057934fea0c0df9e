"""The loss: how badly a graph's attributes and its structure are reconstructed."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from algorithms.graphbean.graph import Parts
from algorithms.graphbean.params import GraphBEANParams


class Losses(NamedTuple):
    """The total loss and its parts: mean squared errors of the attributes, cross-entropy of the structure."""

    total: Tensor
    u: Tensor
    v: Tensor
    e: Tensor
    structure: Tensor


def losses(
    x: Parts[Tensor],
    reconstructed: Parts[Tensor],
    edges: Tensor,
    non_edges: Tensor,
    params: GraphBEANParams,
    error_e: Tensor | None = None,
    weights: tuple[Tensor, Tensor] | None = None,
) -> Losses:
    """Return the losses of attributes u (U, in_u), v (V, in_v), e (E, in_e) and of logits (E,) and (M,).

    `error_e` is the mean squared error of the edges' attributes if it is known already. With weights (U,) and (V,) the
    errors of the nodes are weighted means.

    Source: Fathony, Ng, Chen, IJCNN 2023; the structure's mean is over edges and sampled non-edges together.
    """
    if weights is None:
        u, v = functional.mse_loss(reconstructed.u, x.u), functional.mse_loss(reconstructed.v, x.v)
    else:
        u, v = (_weighted_error(a, b, w) for a, b, w in zip(reconstructed[:2], x[:2], weights, strict=True))
    e = functional.mse_loss(reconstructed.e, x.e) if error_e is None else error_e
    # -log sigmoid(s) of an edge is softplus(-s), -log(1 - sigmoid(s)) of a non-edge softplus(s).
    surprise = functional.softplus(-edges).sum() + functional.softplus(non_edges).sum()
    structure = surprise / (len(edges) + len(non_edges))
    total = u + v + params.xe_loss_weight * e + params.structure_loss_weight * structure
    return Losses(total, u, v, e, structure)


def _weighted_error(again: Tensor, given: Tensor, weights: Tensor) -> Tensor:
    return torch.dot((again - given).square().mean(dim=1), weights) / weights.sum()


@dataclass(frozen=True)
class EdgePrediction:
    """How well edges are told from non-edges; a pair is taken for an edge when its probability is above one half."""

    accuracy: float
    precision: float
    recall: float
    f1: float

    @classmethod
    def of(cls, edges: Tensor, non_edges: Tensor) -> "EdgePrediction":
        """Compare the logits of edges (E,), E ≥ 1, with those of non-edges (M,)."""
        found, wrong = torch.stack([(edges > 0).sum(), (non_edges > 0).sum()]).tolist()
        right = found + len(non_edges) - wrong
        return cls(
            accuracy=right / (len(edges) + len(non_edges)),
            precision=found / max(1, found + wrong),
            recall=found / len(edges),
            f1=2 * found / (found + wrong + len(edges)),
        )
