"""Training on the whole graph at once."""

import math
import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.optim.lr_scheduler import MultiStepLR

from algorithms.checkpoints import Checkpoints
from algorithms.errors import DataError
from algorithms.graphbean.checkpoints import Stepper
from algorithms.graphbean.graph import BipartiteGraph, Parts
from algorithms.graphbean.history import Epoch
from algorithms.graphbean.incidence import Incidence, ScatterIncidence
from algorithms.graphbean.negatives import draw_negatives
from algorithms.graphbean.network import GraphBEAN, edge_logits
from algorithms.graphbean.objective import EdgePrediction, losses
from algorithms.graphbean.params import GraphBEANParams
from algorithms.graphbean.wide import EdgeTarget, pays

BETAS = (0.9, 0.99)
"""Of Adam. A shorter memory of the squares than the usual 0.999: trainings of some hundred steps get further."""


def new_network(widths: Parts[int], params: GraphBEANParams) -> GraphBEAN:
    """Return the network that the seed initialises."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(params.seed)
        return GraphBEAN(widths, params)


def device_of(network: GraphBEAN) -> torch.device:
    return next(network.parameters()).device


def tensors(graph: BipartiteGraph, device: torch.device) -> tuple[Parts[Tensor], Incidence | ScatterIncidence]:
    """Return the attributes and the incidence of a graph, on the CPU by sparse products, elsewhere by scatters."""
    x = graph.x.map(lambda values: torch.from_numpy(values).to(device))
    return x, incidence_of(torch.from_numpy(graph.edge_index), graph.sizes.u, graph.sizes.v, device)


def incidence_of(edge_index: Tensor, nodes_u: int, nodes_v: int, device: torch.device) -> Incidence | ScatterIncidence:
    """Return the incidence of edges (2, E) on a device."""
    kind = Incidence if device.type == "cpu" else ScatterIncidence
    return kind(edge_index.to(device), nodes_u, nodes_v)


def optimizer_of(network: GraphBEAN, params: GraphBEANParams) -> tuple[torch.optim.Optimizer, MultiStepLR]:
    """Return what takes the steps, and what lowers the learning rate after each epoch."""
    optimizer = torch.optim.Adam(network.parameters(), lr=params.learning_rate, betas=BETAS, fused=True)
    return optimizer, MultiStepLR(optimizer, list(params.learning_rate_steps()), params.gamma)


def train(
    network: GraphBEAN,
    graph: BipartiteGraph,
    params: GraphBEANParams,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
    checkpoints: Checkpoints | None = None,
) -> list[Epoch]:
    """Train on a graph whose attributes are standardised (float32); every epoch is one step. Return the history.

    It goes on from one of the `checkpoints`, if there is one, to the same weights.

    Raises:
        DataError: the loss is not finite any more.
    """
    device = device_of(network)
    x, incidence = tensors(graph, device)
    collected = network.first.collect(x, incidence)
    target = EdgeTarget(x.e, incidence) if pays(network.last) else None
    optimizer, schedule = optimizer_of(network, params)
    rng = torch.Generator().manual_seed(params.seed)
    stepper = Stepper(network, optimizer, schedule, {"negatives": rng})
    found = checkpoints.resumed() if checkpoints is not None else None
    with torch.random.fork_rng():
        torch.manual_seed(params.seed)
        history = [] if found is None else stepper.resume(found)
        network.train()
        for number in range(len(history) + 1, params.epochs + 1):
            began = time.perf_counter()
            negatives = draw_negatives(
                incidence.edge_index, graph.sizes.u, graph.sizes.v, params.neg_sampler_mult * graph.edges, rng
            )
            optimizer.zero_grad()
            again = network(x, incidence, collected, target)
            edges, non_edges = edge_logits(again.h_u, again.h_v, incidence), negatives.logits(again.h_u, again.h_v)
            loss = losses(x, again.x, edges, non_edges, params, again.error_e)
            torch.autograd.backward(loss.total)
            optimizer.step()
            schedule.step()
            prediction = EdgePrediction.of(edges, non_edges)
            history.append(epoch_of(number, torch.stack(loss).tolist(), prediction, time.perf_counter() - began))
            on_epoch(history[-1])
            stepper.offer(checkpoints, history)
    return history


def epoch_of(number: int, values: Sequence[float], prediction: EdgePrediction, seconds: float) -> Epoch:
    """Return the epoch with these losses: the total and its parts.

    Raises:
        DataError: one of them is not finite.
    """
    if not all(map(math.isfinite, values)):
        why = "the training diverged: the loss is not finite; give a smaller learning_rate"
        raise DataError(why, {"learning_rate": [why]})
    total, u, v, e, structure = values
    return Epoch(number, total, u, v, e, structure, prediction, seconds)
