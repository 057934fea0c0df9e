"""Training on sampled neighbourhoods: beside the graph, memory is bounded by the batch."""

import math
import time
from collections.abc import Callable
from dataclasses import astuple
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from algorithms.checkpoints import Checkpoints
from algorithms.graphbean.checkpoints import Stepper
from algorithms.graphbean.conv import Collected
from algorithms.graphbean.graph import BipartiteGraph, Parts
from algorithms.graphbean.history import Epoch
from algorithms.graphbean.negatives import Negatives, deal
from algorithms.graphbean.network import GraphBEAN
from algorithms.graphbean.objective import EdgePrediction, Losses, losses
from algorithms.graphbean.params import GraphBEANParams
from algorithms.graphbean.sampling import Neighbourhood, NeighbourSampler
from algorithms.graphbean.training import device_of, epoch_of, incidence_of, optimizer_of, tensors


def train_sampled(
    network: GraphBEAN,
    graph: BipartiteGraph,
    params: GraphBEANParams,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
    checkpoints: Checkpoints | None = None,
) -> list[Epoch]:
    """Train on a graph whose attributes are standardised (float32); in an epoch every edge is a seed once.

    Every step takes about `batch_size` seed edges and a neighbourhood of them; its loss is that of the seed edges and
    of the nodes at their ends, by the inverse of their degrees, so that over an epoch every node counts as much. What
    nodes collect of the attributes, the first hop, is that of the whole graph, not of the sample. The history has the
    means over the steps. Isolated nodes are never trained on.

    The statistics of the batch normalisation stay as the steps leave them: taken anew at the end, from many batches,
    they made the scores no better. A training goes on from one of the `checkpoints` as `train` does.

    Raises:
        DataError: the loss is not finite any more.
    """
    source = _Source.of(graph, network)
    sampler = NeighbourSampler(graph, params.num_neighbors_u, params.num_neighbors_v)
    optimizer, schedule = optimizer_of(network, params)
    rng, dealer = np.random.default_rng(params.seed), torch.Generator().manual_seed(params.seed)
    stepper = Stepper(network, optimizer, schedule, {"dealer": dealer}, rng)
    found = checkpoints.resumed() if checkpoints is not None else None
    with torch.random.fork_rng():
        torch.manual_seed(params.seed)
        history = [] if found is None else stepper.resume(found)
        network.train()
        for number in range(len(history) + 1, params.epochs + 1):
            began = time.perf_counter()
            steps = []
            for seeds in seed_batches(graph.edges, params.batch_size, rng):
                part = sampler.sample(seeds, rng)
                optimizer.zero_grad()
                negatives = negatives_of(part, sampler, params.neg_sampler_mult * len(seeds), dealer)
                loss, prediction = _losses(network, source, part, negatives, params)
                torch.autograd.backward(loss.total)
                optimizer.step()
                steps.append([*torch.stack(loss).tolist(), *astuple(prediction)])
            schedule.step()
            means = np.mean(steps, axis=0).tolist()
            seconds = time.perf_counter() - began
            history.append(epoch_of(number, means[:5], EdgePrediction(*means[5:]), seconds))
            on_epoch(history[-1])
            stepper.offer(checkpoints, history)
    return history


def seed_batches(edges: int, batch_size: int, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """Return all edges in a random order, in as few batches as `batch_size` allows, all about as large as each other.

    A small last batch would have statistics, for the batch normalisation, that are all chance.
    """
    return np.array_split(rng.permutation(edges), max(1, math.ceil(edges / batch_size)))


class _Source(NamedTuple):
    """The graph's tensors that batches take their rows from, in the computer's memory.

    Shapes:
        x: u (U, in_u), v (V, in_v), e (E, in_e)
        collected: (U, into_u), (V, into_v) what nodes take in of x in the first layer
        weights: (U,), (V,) the inverse of the degree
        device: where the network is
    """

    x: Parts[Tensor]
    collected: Collected
    weights: tuple[Tensor, Tensor]
    device: torch.device

    @classmethod
    def of(cls, graph: BipartiteGraph, network: GraphBEAN) -> "_Source":
        x, incidence = tensors(graph, torch.device("cpu"))
        collected = network.first.collect(x, incidence)
        weight_u, weight_v = (torch.from_numpy(1 / np.maximum(degrees, 1)).float() for degrees in graph.degrees())
        return cls(x, collected, (weight_u, weight_v), device_of(network))


def _losses(
    network: GraphBEAN, source: _Source, part: Neighbourhood, negatives: Negatives, params: GraphBEANParams
) -> tuple[Losses, EdgePrediction]:
    """Return the losses of the seeds of a part of the graph, and the prediction of the seed edges."""
    device = source.device
    members = part.members.map(torch.from_numpy)
    x = Parts(*(values[rows].to(device) for values, rows in zip(source.x, members, strict=True)))
    into_u, into_v = (values[rows].to(device) for values, rows in zip(source.collected, members[:2], strict=True))
    edge_index = torch.from_numpy(part.edge_index)
    again = network(x, incidence_of(edge_index, len(x.u), len(x.v), device), (into_u, into_v))
    seeds = torch.from_numpy(part.seeds.e)
    ends = edge_index[:, seeds]
    weight_u, weight_v = (
        values[rows[end]].to(device) for values, rows, end in zip(source.weights, members[:2], ends, strict=True)
    )
    rows = Parts(*(numbers.to(device) for numbers in (*ends, seeds)))
    edges = (again.h_u.index_select(0, rows.u) * again.h_v.index_select(0, rows.v)).sum(dim=1)
    non_edges = Negatives(*(numbers.to(device) for numbers in negatives)).logits(again.h_u, again.h_v)
    loss = losses(_at(x, rows), _at(again.x, rows), edges, non_edges, params, weights=(weight_u, weight_v))
    return loss, EdgePrediction.of(edges, non_edges)


def _at(x: Parts[Tensor], rows: Parts[Tensor]) -> Parts[Tensor]:
    return Parts(*(values.index_select(0, numbers) for values, numbers in zip(x, rows, strict=True)))


def negatives_of(part: Neighbourhood, sampler: NeighbourSampler, count: int, rng: torch.Generator) -> Negatives:
    """Draw about `count` pairs of the nodes at the seeds' ends, as `draw_negatives` does, in the part's own numbers.

    None of them has an edge in the whole graph.
    """
    dealt_u, dealt_v = deal(len(part.seeds.u), len(part.seeds.v), count, rng)
    u, v = part.seeds.u[dealt_u.numpy()], part.seeds.v[dealt_v.numpy()]
    pairs_u, pairs_v = np.broadcast_arrays(part.members.u[u][:, :, None], part.members.v[v][:, None, :])
    real = np.argwhere(sampler.connected(pairs_u.ravel(), pairs_v.ravel()).reshape(pairs_u.shape))
    return Negatives(torch.from_numpy(u), torch.from_numpy(v), torch.from_numpy(real))
