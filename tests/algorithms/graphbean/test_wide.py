import copy

import pytest
import torch
from torch.nn import functional

from algorithms.graphbean.conv import BEANConv
from algorithms.graphbean.graph import Parts
from algorithms.graphbean.incidence import Incidence, ScatterIncidence
from algorithms.graphbean.params import GraphBEANParams
from algorithms.graphbean.training import new_network, train
from algorithms.graphbean.wide import EdgeTarget, edge_error, pays
from tests.algorithms.graphbean.graphs import random_graph


@pytest.fixture(params=[Incidence, ScatterIncidence])
def incidence(request):
    graph = random_graph()
    return request.param(torch.from_numpy(graph.edge_index), graph.sizes.u, graph.sizes.v)


def layer_and_input(*, own):
    torch.manual_seed(1)
    layer = BEANConv(Parts(3, 2, 4 * own), Parts(5, 5, 20))
    x = random_graph(seed=2).x.map(lambda values: torch.from_numpy(values).requires_grad_())
    with torch.no_grad():
        layer.norm_e.weight.uniform_(0.5, 2.0)
        layer.norm_e.bias.normal_()
    return layer, x if own else x._replace(e=None)


def gradients(layer, x, error):
    wanted = [part for part in x if part is not None] + [
        layer.linear_e.linear.weight, layer.norm_e.weight, layer.norm_e.bias
    ]  # fmt: skip
    return torch.autograd.grad(error, wanted)


@pytest.mark.parametrize("own", [True, False])
def test_the_error_and_its_gradients_are_those_of_the_attributes_made_and_compared(incidence, own):
    layer, x = layer_and_input(own=own)
    x_e = torch.randn(90, 20) + 1.0
    error = edge_error(layer, x, incidence, EdgeTarget(x_e, incidence))
    direct = functional.mse_loss(layer.norm_e(layer.linear_e(x, incidence)), x_e)
    torch.testing.assert_close(error, direct, rtol=1e-4, atol=1e-5)
    for found, expected in zip(gradients(layer, x, error), gradients(layer, x, direct), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-5)


def test_the_running_statistics_move_as_if_the_attributes_had_been_made(incidence):
    layer, x = layer_and_input(own=True)
    other = copy.deepcopy(layer)
    edge_error(layer, x, incidence, EdgeTarget(torch.randn(90, 20), incidence))
    other.norm_e(other.linear_e(x, incidence))
    for name, expected in other.norm_e.named_buffers():
        torch.testing.assert_close(dict(layer.norm_e.named_buffers())[name], expected, rtol=1e-4, atol=1e-5)


def test_it_pays_for_layers_that_widen():
    assert pays(BEANConv(Parts(3, 2, 4), Parts(1, 1, 10)))
    assert not pays(BEANConv(Parts(3, 2, 4), Parts(1, 1, 9)))


@pytest.mark.parametrize("layers", [1, 2])
def test_a_graph_with_many_edge_attributes_trains_as_it_would_without(layers, monkeypatch):
    graph = random_graph(widths=(3, 2, 60))
    params = GraphBEANParams(
        hidden_channels=8, latent_channels=4, n_layers_decoder=layers, epochs=10, xe_loss_weight=2.0
    )
    histories = []
    for closed_form in (True, False):
        if not closed_form:
            monkeypatch.setattr("algorithms.graphbean.training.pays", lambda layer: False)
        network = new_network(graph.widths, params)
        histories.append(train(network, graph, params))
    for one, other in zip(*histories, strict=True):
        assert one.e == pytest.approx(other.e, rel=1e-3)
        assert one.loss == pytest.approx(other.loss, rel=1e-3)
