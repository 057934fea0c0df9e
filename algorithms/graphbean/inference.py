"""Reconstructing a whole graph, layer by layer and some edges at a time, so that wide layers of edges are held once."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from algorithms.graphbean.graph import BipartiteGraph, Parts
from algorithms.graphbean.incidence import Incidence, ScatterIncidence
from algorithms.graphbean.network import GraphBEAN, Layers
from algorithms.graphbean.scoring import Residuals
from algorithms.graphbean.training import device_of, tensors

CHUNK = 2**18
"""Edges computed at once."""


@torch.inference_mode()
def residuals_of(network: GraphBEAN, graph: BipartiteGraph, chunk: int = CHUNK) -> Residuals:
    """Return what the network, in evaluation mode, does not reconstruct of a graph with scaled attributes (float32)."""
    training = network.training
    network.eval()
    x, incidence = tensors(graph, device_of(network))
    z = through(network.encoder, x, incidence, chunk)
    surprise = _surprise(network.structure_u(z.u), network.structure_v(z.v), incidence.edge_index, chunk)
    again = through(network.decoder, z, incidence, chunk)
    network.train(training)
    errors = Parts(*(made.sub_(given).cpu().numpy() for made, given in zip(again, x, strict=True)))
    # Absurd attributes may overflow float32 in deep networks.
    return Residuals(errors.map(np.nan_to_num), np.nan_to_num(surprise.cpu().numpy()))


def through(
    layers: Layers, x: Parts[Tensor], incidence: Incidence | ScatterIncidence, chunk: int = CHUNK
) -> Parts[Tensor]:
    """Return what the layers of an encoder or decoder in evaluation mode make of `x`, which may be changed."""
    for number, layer in enumerate(layers):
        if number:
            x = x.map(torch.relu_)
        u, v = layer.nodes(x, incidence)
        x = Parts(u, v, layer.edges(x, incidence.edge_index, chunk))
    return x


def _surprise(h_u: Tensor, h_v: Tensor, edge_index: Tensor, chunk: int) -> Tensor:
    """Return -log p (E,) of the edges."""
    parts = [
        functional.softplus(-(h_u.index_select(0, u) * h_v.index_select(0, v)).sum(dim=1))
        for u, v in torch.split(edge_index, chunk, dim=1)
    ]
    return torch.cat(parts) if parts else h_u.new_zeros(0)
