import numpy as np
import onnxruntime
import pytest

from algorithms.autoencoder import export
from algorithms.autoencoder.export import ExportError, to_onnx
from algorithms.autoencoder.network import build_network

ROWS = np.random.default_rng(0).normal(size=(300, 6)).astype(np.float32)


@pytest.mark.parametrize("activation", ["relu", "elu", "gelu", "tanh", "sigmoid"])
def test_the_export_computes_what_the_network_does_for_any_number_of_rows(activation):
    network = build_network(6, (5, 3), activation=activation, dropout=0.5)
    session = onnxruntime.InferenceSession(to_onnx(network, ROWS))
    for rows in (1, 2, 300):
        served = session.run(["reconstruction", "code"], {"features": ROWS[:rows]})
        trained = network(ROWS[:rows], training=False)
        assert served[0] == pytest.approx(trained["reconstruction"].numpy(), rel=1e-5, abs=1e-5)
        assert served[1] == pytest.approx(trained["code"].numpy(), rel=1e-5, abs=1e-5)


def test_an_export_that_differs_is_refused(monkeypatch):
    def other_network(function, signature, **options):
        wrong = build_network(6, (5, 3), seed=1)
        return convert(export.tf.function(wrong, signature), signature, **options)

    convert = export.tf2onnx.convert.from_function
    monkeypatch.setattr(export.tf2onnx.convert, "from_function", other_network)
    with pytest.raises(ExportError, match="ONNX Runtime and Keras differ by"):
        to_onnx(build_network(6, (5, 3), seed=0), ROWS)
