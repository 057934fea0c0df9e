"""How well a trained network tells the edges of a graph from pairs without one."""

from dataclasses import asdict

import torch
from torch import Tensor
from torch.nn import functional

from algorithms.graphbean.graph import BipartiteGraph
from algorithms.graphbean.inference import CHUNK, through
from algorithms.graphbean.negatives import draw_negatives
from algorithms.graphbean.network import GraphBEAN
from algorithms.graphbean.objective import EdgePrediction
from algorithms.graphbean.params import GraphBEANParams
from algorithms.graphbean.training import device_of, tensors


@torch.inference_mode()
def structure_metrics(network: GraphBEAN, graph: BipartiteGraph, params: GraphBEANParams) -> dict[str, float]:
    """Return cross-entropy (nats), accuracy, precision, recall and F1 of the prediction of edges, in evaluation mode.

    `graph` has scaled attributes. The edges stand against `neg_sampler_mult` times as many pairs without an edge, drawn
    by the seed as in the training; fewer in a graph that has not so many.
    """
    training = network.training
    network.eval()
    x, incidence = tensors(graph, device_of(network))
    z = through(network.encoder, x, incidence)
    h_u, h_v = network.structure_u(z.u), network.structure_v(z.v)
    network.train(training)
    rng = torch.Generator().manual_seed(params.seed)
    count = params.neg_sampler_mult * graph.edges
    negatives = draw_negatives(incidence.edge_index, graph.sizes.u, graph.sizes.v, count, rng)
    edges, non_edges = _edge_logits(h_u, h_v, incidence.edge_index), negatives.logits(h_u, h_v)
    surprise = functional.softplus(-edges).double().sum() + functional.softplus(non_edges).double().sum()
    return {
        "cross_entropy": float(surprise) / (len(edges) + len(non_edges)),
        **asdict(EdgePrediction.of(edges, non_edges)),
    }


def _edge_logits(h_u: Tensor, h_v: Tensor, edge_index: Tensor) -> Tensor:
    return torch.cat(
        [(h_u.index_select(0, u) * h_v.index_select(0, v)).sum(dim=1) for u, v in torch.split(edge_index, CHUNK, dim=1)]
    )
