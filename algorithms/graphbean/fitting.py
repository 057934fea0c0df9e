"""Training in the way the parameters ask for."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from algorithms.checkpoints import Checkpoints
from algorithms.graphbean.graph import BipartiteGraph
from algorithms.graphbean.history import Epoch
from algorithms.graphbean.network import GraphBEAN
from algorithms.graphbean.params import GraphBEANParams
from algorithms.graphbean.sampled import train_sampled
from algorithms.graphbean.training import train


def fit_network(
    network: GraphBEAN,
    graph: BipartiteGraph,
    params: GraphBEANParams,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
    checkpoints: Checkpoints | None = None,
) -> list[Epoch]:
    """Train on a graph with scaled attributes (float32), all of it in every step or sampled; return the history.

    Attributes that are the same everywhere are left out.

    Raises:
        DataError: the loss is not finite any more.
    """
    network.leave_out(graph.x.map(_constant))
    how = train_sampled if params.training == "sampled" else train
    return how(network, graph, params, on_epoch, checkpoints)


def _constant(x: NDArray[np.float32]) -> torch.Tensor:
    """Tell which columns (C,) of x (n, C) have one value only."""
    if not len(x):
        return torch.ones(x.shape[1], dtype=torch.bool)
    return torch.from_numpy(x.max(axis=0) == x.min(axis=0))
