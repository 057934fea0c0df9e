"""Training in the way the parameters ask for."""

from collections.abc import Callable

from algorithms.graphbean.graph import BipartiteGraph
from algorithms.graphbean.network import GraphBEAN
from algorithms.graphbean.params import GraphBEANParams
from algorithms.graphbean.sampled import train_sampled
from algorithms.graphbean.training import Epoch, train


def fit_network(
    network: GraphBEAN,
    graph: BipartiteGraph,
    params: GraphBEANParams,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
) -> list[Epoch]:
    """Train on a graph with scaled attributes (float32), all of it in every step or sampled; return the history.

    Raises:
        DataError: the loss is not finite any more.
    """
    how = train_sampled if params.training == "sampled" else train
    return how(network, graph, params, on_epoch)
