"""Reconstructing a whole graph, layer by layer and some edges at a time, so that wide layers of edges are held once."""

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from algorithms.graphbean.conv import BEANConv
from algorithms.graphbean.graph import BipartiteGraph, Parts
from algorithms.graphbean.incidence import Incidence, ScatterIncidence, Side, pool_in_turn
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
    h_u, h_v = network.structure_u(z.u), network.structure_v(z.v)
    surprise = _surprise(h_u, h_v, incidence.edge_index, chunk).cpu().numpy()
    del h_u, h_v
    again = through(network.decoder, z, incidence, chunk)
    network.train(training)
    errors = Parts(*(made.sub_(given).cpu().numpy() for made, given in zip(again, x, strict=True)))
    for values in (*errors, surprise):
        np.nan_to_num(values, copy=False)  # absurd attributes may overflow float32 in deep networks
    return Residuals(errors, surprise)


def through(
    layers: Layers, x: Parts[Tensor], incidence: Incidence | ScatterIncidence, chunk: int = CHUNK
) -> Parts[Tensor]:
    """Return what the layers of an encoder or decoder in evaluation mode make of `x`, which may be changed."""
    for number, layer in enumerate(layers):
        if number:
            x = x.map(torch.relu_)
        u = _nodes(layer.linear_u, layer.norm_u, _taken_in(layer, x.u, incidence.u, x.v, x.e))
        v = _nodes(layer.linear_v, layer.norm_v, _taken_in(layer, x.v, incidence.v, x.u, x.e))
        x = Parts(u, v, layer.edges(x, incidence.edge_index, chunk))
    return x


def _taken_in(layer: BEANConv, own: Tensor, side: Side, x_other: Tensor, x_e: Tensor | None) -> Iterator[Tensor]:
    """Give what nodes take in, in the order of the layer's weights, each made when it is asked for."""
    if layer.keep_self:
        yield own
    yield from pool_in_turn(side, x_other, x_e)


def _nodes(linear: nn.Linear, norm: nn.Module, taken_in: Iterable[Tensor]) -> Tensor:
    """Return what a layer makes of what nodes take in, which is many times as wide and never held all at once."""
    sums: Tensor = linear.bias
    start = 0
    for values in taken_in:
        end = start + values.shape[1]
        sums, start = torch.addmm(sums, values, linear.weight[:, start:end].T), end
    made: Tensor = norm(sums)
    return made


def _surprise(h_u: Tensor, h_v: Tensor, edge_index: Tensor, chunk: int) -> Tensor:
    """Return -log p (E,) of the edges."""
    parts = [
        functional.softplus(-(h_u.index_select(0, u) * h_v.index_select(0, v)).sum(dim=1))
        for u, v in torch.split(edge_index, chunk, dim=1)
    ]
    return torch.cat(parts) if parts else h_u.new_zeros(0)
