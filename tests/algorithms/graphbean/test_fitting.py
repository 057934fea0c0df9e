import pytest
import torch

from algorithms.graphbean.fitting import fit_network
from algorithms.graphbean.params import GraphBEANParams
from algorithms.graphbean.sampled import train_sampled
from algorithms.graphbean.training import new_network, train
from tests.algorithms.graphbean.graphs import random_graph


@pytest.mark.parametrize(("training", "by_hand"), [("full", train), ("sampled", train_sampled)])
def test_it_trains_as_the_parameters_say(training, by_hand):
    graph, told = random_graph(), []
    params = GraphBEANParams(training=training, epochs=2)
    one, other = (new_network(graph.widths, params) for _ in range(2))
    assert fit_network(one, graph, params, told.append) == told
    by_hand(other, graph, params)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
