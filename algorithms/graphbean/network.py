"""GraphBEAN: an encoder, a decoder of the attributes and a decoder of the structure."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from algorithms.graphbean.conv import BEANConv, Collected
from algorithms.graphbean.graph import Parts
from algorithms.graphbean.incidence import Incidence, ScatterIncidence
from algorithms.graphbean.params import GraphBEANParams
from algorithms.graphbean.wide import EdgeTarget, edge_error


class Reconstruction(NamedTuple):
    """What the network makes of a graph.

    Shapes:
        x: the attributes again, u (U, in_u), v (V, in_v), e (E, in_e)
        h_u, h_v: (U, k), (V, k); an edge between u and v has the probability sigmoid(h_u · h_v)
        error_e: the mean squared error of the edges' attributes, () where it was asked for instead of these
    """

    x: Parts[Tensor]
    h_u: Tensor
    h_v: Tensor
    error_e: Tensor | None = None


class Layers(nn.ModuleList):
    """Layers of BEANConv, one after the other."""

    def __iter__(self) -> Iterator[BEANConv]:
        return cast("Iterator[BEANConv]", super().__iter__())


class GraphBEAN(nn.Module):
    """The autoencoder of bipartite graphs whose nodes and edges have attributes.

    Shapes:
        x: u (U, in_u), v (V, in_v), e (E, in_e)
        returns a Reconstruction

    Source: Fathony, Ng, Chen, IJCNN 2023, doi:10.1109/IJCNN54540.2023.10191331
    """

    def __init__(self, widths: Parts[int], params: GraphBEANParams) -> None:
        super().__init__()
        if min(widths) < 1:
            raise ValueError(f"u, v and e each need an attribute; they have {widths.u}, {widths.v} and {widths.e}")
        hidden = Parts(*[params.hidden_channels] * 3)
        latent = Parts(*params.latent_channels, 0)
        encoder = [widths, *[hidden] * (params.n_layers_encoder - 1), latent]
        decoder = [latent, *[hidden] * (params.n_layers_decoder - 1), widths]
        # The latent layer leaves a node's own values out: what is told of it must be seen in its neighbourhood.
        self.encoder = Layers(BEANConv(a, b, keep_self=b is not latent) for a, b in pairwise(encoder))
        self.decoder = Layers(BEANConv(a, b) for a, b in pairwise(decoder))
        self.structure_u = _mlp(latent.u, params.edge_pred_latent, params.n_layers_mlp, params.dropout_prob)
        self.structure_v = _mlp(latent.v, params.edge_pred_latent, params.n_layers_mlp, params.dropout_prob)
        self.dropout_prob = params.dropout_prob

    def forward(
        self,
        x: Parts[Tensor],
        incidence: Incidence | ScatterIncidence,
        collected: Collected | None = None,
        target: EdgeTarget | None = None,
    ) -> Reconstruction:
        """What does not change from epoch to epoch may be given, for training.

        `collected` is what nodes take in of the attributes `x`; with a `target` the edges' attributes are not made but
        their error.
        """
        z = self._through(self.encoder, x, incidence, collected)
        h_u, h_v = self.structure_u(z.u), self.structure_v(z.v)
        if target is None:
            return Reconstruction(self._through(self.decoder, z, incidence), h_u, h_v)
        *hidden, last = self.decoder
        x = self._through(hidden, z, incidence)
        if hidden:
            x = x.map(self._activate)
        u, v = last.nodes(x, incidence)
        not_made: Any = None
        return Reconstruction(Parts(u, v, not_made), h_u, h_v, edge_error(last, x, incidence, target))

    @property
    def first(self) -> BEANConv:
        """The layer that takes in the attributes."""
        return cast("BEANConv", self.encoder[0])

    @property
    def last(self) -> BEANConv:
        """The layer that gives back the attributes."""
        return cast("BEANConv", self.decoder[-1])

    @torch.no_grad()
    def leave_out(self, constant: Parts[Tensor]) -> None:
        """Give the attributes u (in_u,), v (in_v,), e (in_e,) that are True back as 0, from now on.

        For scaled attributes that do not vary: 0 is right, and nothing ever teaches the network anything else about
        them. Its untrained answers would pass for anomalies.
        """
        layer = self.last
        for norm, columns in zip((layer.norm_u, layer.norm_v, layer.norm_e), constant, strict=True):
            norm.weight[columns] = 0.0
            norm.bias[columns] = 0.0

    def _through(
        self,
        layers: Iterable[BEANConv],
        x: Parts[Tensor],
        incidence: Incidence | ScatterIncidence,
        collected: Collected | None = None,
    ) -> Parts[Tensor]:
        for number, layer in enumerate(layers):
            if number:
                x = x.map(self._activate)
            x = layer(x, incidence, collected if number == 0 else None)
        return x

    def _activate(self, x: Tensor) -> Tensor:
        return functional.dropout(functional.relu(x), self.dropout_prob, self.training)


def edge_logits(h_u: Tensor, h_v: Tensor, incidence: Incidence | ScatterIncidence) -> Tensor:
    """Return the logit (E,) of each edge of the graph."""
    return (incidence.u.at_edges(h_u) * incidence.v.at_edges(h_v)).sum(dim=1)


def _mlp(width_in: int, width: int, layers: int, dropout: float) -> nn.Sequential:
    modules: list[nn.Module] = [nn.Linear(width_in, width)]
    for _ in range(layers - 1):
        modules += [nn.ReLU(), nn.Dropout(dropout), nn.Linear(width, width)]
    return nn.Sequential(*modules)
