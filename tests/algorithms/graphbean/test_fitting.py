import numpy as np
import pytest
import torch

from algorithms.graphbean.fitting import fit_network
from algorithms.graphbean.graph import BipartiteGraph
from algorithms.graphbean.inference import residuals_of
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


@pytest.mark.parametrize("training", ["full", "sampled"])
def test_attributes_that_are_the_same_everywhere_are_given_back_as_they_are(training):
    graph = random_graph()
    x = graph.x._replace(u=graph.x.u.copy(), e=graph.x.e.copy())
    x.u[:, 1], x.e[:, 2] = 0.0, 0.0
    params = GraphBEANParams(training=training, epochs=3)
    network = new_network(graph.widths, params)
    fit_network(network, BipartiteGraph(graph.edge_index, x), params)
    errors = residuals_of(network, BipartiteGraph(graph.edge_index, x)).x
    assert not errors.u[:, 1].any()
    assert not errors.e[:, 2].any()
    assert errors.u[:, 0].any()
    # What was never seen to vary and then does is an error as large as it is.
    changed = BipartiteGraph(graph.edge_index, x._replace(u=x.u + np.float32(2.0)))
    assert (residuals_of(network, changed).x.u[:, 1] == -2.0).all()
