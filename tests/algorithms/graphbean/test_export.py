import logging
import warnings

import numpy as np
import onnxruntime
import pytest
import torch

from algorithms.graphbean.export import ExportError, compare, to_onnx
from algorithms.graphbean.graph import Parts
from algorithms.graphbean.incidence import ScatterIncidence
from algorithms.graphbean.network import GraphBEAN, edge_logits
from algorithms.graphbean.params import GraphBEANParams
from algorithms.graphbean.scorer import INPUTS, OUTPUTS, as_inputs
from tests.algorithms.graphbean.graphs import random_graph

REAL = random_graph()


def trained_like(seed=0, **params):
    """Return a network whose batch norms have statistics of their own."""
    torch.manual_seed(seed)
    network = GraphBEAN(REAL.widths, GraphBEANParams(hidden_channels=5, latent_channels=(3, 2), **params))
    given = as_inputs(REAL)
    x_u, x_v, x_e, edge_index = map(torch.from_numpy, given.values())
    network.train()
    network(Parts(x_u, x_v, x_e), ScatterIncidence(edge_index, *REAL.sizes[:2]))
    return network.eval()


@pytest.fixture(scope="module")
def network():
    return trained_like(dropout_prob=0.5)


@pytest.fixture(scope="module")
def exported(network):
    return to_onnx(network, REAL)


@pytest.fixture(scope="module")
def session(exported):
    return onnxruntime.InferenceSession(exported)


def outputs(network, given):
    x_u, x_v, x_e, edge_index = map(torch.from_numpy, as_inputs(given).values())
    with torch.inference_mode():
        incidence = ScatterIncidence(edge_index, *given.sizes[:2])
        made = network(Parts(x_u, x_v, x_e), incidence)
        return [values.numpy() for values in (*made.x, edge_logits(made.h_u, made.h_v, incidence))]


def assert_equal(session, network, given):
    for ours, theirs in zip(session.run(OUTPUTS, as_inputs(given)), outputs(network, given), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize(
    "sizes",
    [(1, 1, 1), (1, 5, 4), (6, 1, 3), (40, 50, 60), (9, 9, 81), (200, 7, 3)],
    ids=["one edge", "one u", "one v", "some", "complete", "isolated nodes"],
)
def test_the_export_computes_what_the_network_does_for_graphs_of_any_size(session, network, sizes):
    assert_equal(session, network, random_graph(*sizes, seed=1))


def test_threads_change_nothing(exported, network):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 4
    served = onnxruntime.InferenceSession(exported, options)
    crowded = random_graph(3, 8000, 20_000)  # many edges of one node, which several threads would add to it
    for _ in range(5):
        assert_equal(served, network, crowded)


def test_other_numbers_of_layers_and_large_activations_are_exported():
    network = trained_like(n_layers_encoder=1, n_layers_decoder=3, n_layers_mlp=1)
    with torch.no_grad():
        for name, weights in network.named_parameters():
            weights.mul_(100 if "linear" in name else 1)
    given = random_graph(4, 5, 6)
    made = onnxruntime.InferenceSession(to_onnx(network, REAL)).run(OUTPUTS, as_inputs(given))
    for ours, theirs in zip(made, outputs(network, given), strict=True):
        assert np.abs(ours - theirs).max() <= 1e-4 * max(1, np.abs(theirs).max())


def test_inputs_and_outputs_have_names_and_free_sizes(session):
    assert [(given.name, given.shape) for given in session.get_inputs()] == [
        ("x_u", ["U", 3]),
        ("x_v", ["V", 2]),
        ("x_e", ["E", 4]),
        ("edge_index", [2, "E"]),
    ]
    assert tuple(made.name for made in session.get_outputs()) == OUTPUTS
    assert tuple(given.name for given in session.get_inputs()) == INPUTS


def test_exporting_is_silent_and_leaves_the_network_and_the_random_numbers_as_they_were(network, capfd, caplog):
    caplog.set_level(logging.WARNING)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    torch.manual_seed(3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = to_onnx(network, random_graph(1, 1, 1))
    drawn = torch.rand(4)
    torch.manual_seed(3)
    assert torch.equal(drawn, torch.rand(4))
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    said = capfd.readouterr()
    assert (said.out, said.err, caught, caplog.messages) == ("", "", [], [])
    assert b".py" not in model  # no source lines, no paths


def test_an_export_that_differs_is_refused(exported):
    with pytest.raises(ExportError, match="ONNX Runtime and torch differ by"):
        compare(trained_like(seed=1), exported, REAL)
