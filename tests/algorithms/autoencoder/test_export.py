import onnx
import onnxruntime
import pytest

from algorithms.autoencoder import export
from algorithms.autoencoder.export import ExportError, to_onnx
from algorithms.autoencoder.network import build_network, inputs_of
from tests.algorithms.autoencoder.layouts import GATHERED, LAYOUTS, NUMBERS, SPELLED_OUT, features


def assert_computes_the_same(network, layout):
    session = onnxruntime.InferenceSession(to_onnx(network, layout, features(layout, 300)))
    for rows in (1, 2, 300):
        inputs = inputs_of(features(layout, rows, seed=1))
        served = session.run(["reconstruction", "code"], inputs)
        trained = network(inputs, training=False)
        assert served[0] == pytest.approx(trained["reconstruction"].numpy(), rel=1e-5, abs=1e-5)
        assert served[1] == pytest.approx(trained["code"].numpy(), rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("activation", ["relu", "elu", "gelu", "tanh", "sigmoid"])
def test_the_export_computes_what_the_network_does_for_any_number_of_rows(activation):
    network = build_network(NUMBERS, (5, 3), activation=activation, output_activation="sigmoid", dropout=0.5)
    assert_computes_the_same(network, NUMBERS)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("hidden", [(4,), (5, 3, 2)])
def test_the_export_computes_what_the_network_does_for_any_layout(layout, hidden):
    assert_computes_the_same(build_network(layout, hidden), layout)


def test_wide_blocks_are_gathered_and_never_spelled_out():
    def operators(layout):
        model = onnx.load_from_string(to_onnx(build_network(layout, (4, 2)), layout, features(layout)))
        return {node.op_type for node in model.graph.node}

    assert "ScatterElements" not in operators(GATHERED)
    assert "ScatterElements" in operators(SPELLED_OUT)


def test_an_export_that_differs_is_refused(monkeypatch):
    monkeypatch.setitem(export.OPERATORS, "tanh", "Sigmoid")
    with pytest.raises(ExportError, match="ONNX Runtime and Keras differ by"):
        to_onnx(build_network(NUMBERS, (5, 3), activation="tanh"), NUMBERS, features(NUMBERS))
