import numpy as np
import pytest
import torch

from algorithms.graphbean.graph import BipartiteGraph, Parts
from algorithms.graphbean.incidence import ScatterIncidence
from algorithms.graphbean.inference import residuals_of
from algorithms.graphbean.network import edge_logits
from algorithms.graphbean.params import GraphBEANParams
from algorithms.graphbean.training import new_network, train
from tests.algorithms.graphbean.graphs import permuted, random_graph


@pytest.fixture(scope="module", params=[(1, 1), (2, 2), (3, 3)])
def network(request):
    encoder, decoder = request.param
    params = GraphBEANParams(
        hidden_channels=8, latent_channels=(4, 3), n_layers_encoder=encoder, n_layers_decoder=decoder, epochs=5
    )
    graph = random_graph()
    network = new_network(graph.widths, params)
    train(network, graph, params)
    return network


@pytest.mark.parametrize("chunk", [1, 7, 10_000])
def test_it_gives_what_the_network_gives_at_once_in_evaluation_mode(network, chunk):
    graph = random_graph(seed=4)
    residuals = residuals_of(network, graph, chunk)
    x, edge_index = graph.x.map(torch.from_numpy), torch.from_numpy(graph.edge_index)
    incidence = ScatterIncidence(edge_index, graph.sizes.u, graph.sizes.v)
    network.eval()
    with torch.no_grad():
        made = network(x, incidence)
        surprise = -torch.log(torch.sigmoid(edge_logits(made.h_u, made.h_v, incidence)))
    for found, again, given in zip(residuals.x, made.x, x, strict=True):
        np.testing.assert_allclose(found, again - given, atol=1e-5)
    np.testing.assert_allclose(residuals.surprise, surprise, rtol=1e-4, atol=1e-5)


def test_it_leaves_the_network_in_its_mode_and_the_graph_as_it_was(network):
    graph, untouched = random_graph(), random_graph()
    for mode in (True, False):
        network.train(mode)
        residuals_of(network, graph)
        assert network.training is mode
    for given, before in zip(graph.x, untouched.x, strict=True):
        assert np.array_equal(given, before)


def test_edges_in_another_order_get_the_same(network):
    graph = random_graph()
    other, order = permuted(graph)
    expected, found = residuals_of(network, graph), residuals_of(network, other)
    np.testing.assert_allclose(found.x.u, expected.x.u, atol=1e-5)
    np.testing.assert_allclose(found.x.e, expected.x.e[order], atol=1e-5)
    np.testing.assert_allclose(found.surprise, expected.surprise[order], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("u", "v", "edges"), [(1, 1, 1), (1, 5, 5), (40, 30, 2)])
def test_one_edge_one_node_and_lonely_nodes_have_finite_residuals(network, u, v, edges):
    residuals = residuals_of(network, random_graph(u, v, edges))
    assert all(np.isfinite(part).all() for part in (*residuals.x, residuals.surprise))


def test_a_graph_without_edges_has_residuals_of_its_nodes(network):
    empty = BipartiteGraph(
        np.zeros((2, 0), np.int64),
        Parts(np.ones((2, 3), np.float32), np.ones((3, 2), np.float32), np.ones((0, 4), np.float32)),
    )
    residuals = residuals_of(network, empty)
    assert residuals.x.map(len) == (2, 3, 0)
    assert np.isfinite(residuals.x.u).all()


def test_absurd_attributes_give_finite_residuals(network):
    graph = random_graph()
    absurd = BipartiteGraph(graph.edge_index, graph.x.map(lambda x: x * np.float32(1e37)))
    residuals = residuals_of(network, absurd)
    assert all(np.isfinite(part).all() for part in (*residuals.x, residuals.surprise))
