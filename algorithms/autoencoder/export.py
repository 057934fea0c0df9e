"""The trained network as ONNX, the file that serves."""

import logging
from typing import Any

import numpy as np
import onnxruntime
import tf2onnx
from numpy.typing import NDArray

from algorithms.autoencoder.backend import keras, tf
from algorithms.autoencoder.network import CODE, RECONSTRUCTION

OPSET = 18
logging.getLogger("tf2onnx").setLevel(logging.WARNING)  # it tells of every optimiser it tries

TOLERANCE = 1e-5
"""Largest difference of the two runtimes, relative to the larger of 1 and the value."""
CHECKED_ROWS = 256


class ExportError(RuntimeError):
    """The exported network does not compute what the trained one does."""


def to_onnx(network: keras.Model, sample: NDArray[np.float32]) -> bytes:
    """Return the network as an ONNX model: features (B, width) → reconstruction (B, width), code (B, code width).

    `sample` (N, width) are real features: ONNX Runtime must agree with Keras on the first 256 of them.

    Raises:
        ExportError: it does not.
    """
    signature = [tf.TensorSpec((None, network.input_shape[1]), tf.float32, name="features")]
    function = tf.function(lambda features: network(features, training=False), signature, autograph=False)
    model, _ = tf2onnx.convert.from_function(
        function, signature, opset=OPSET, custom_op_handlers={"Erfc": (_complement_of_erf, [])}
    )
    serialized: bytes = model.SerializeToString()
    _compare(network, serialized, sample[:CHECKED_ROWS])
    return serialized


def _complement_of_erf(graph: Any, node: Any, name: str, _: Any) -> Any:
    """Write TensorFlow's Erfc, which Keras' gelu uses and ONNX lacks, as 1 - Erf."""
    one = graph.make_const(f"{name}_one", np.array(1, np.float32))
    erf = graph.make_node("Erf", node.input)
    node.type = "Sub"
    graph.replace_inputs(node, [one.output[0], erf.output[0]])
    return node


def _compare(network: keras.Model, serialized: bytes, sample: NDArray[np.float32]) -> None:
    session = onnxruntime.InferenceSession(serialized, providers=["CPUExecutionProvider"])
    served = session.run([RECONSTRUCTION, CODE], {"features": sample})
    trained = network(sample, training=False)
    for name, ours in zip((RECONSTRUCTION, CODE), served, strict=True):
        theirs = trained[name].numpy()
        worst = float(np.max(np.abs(ours - theirs) / np.maximum(1.0, np.abs(theirs)), initial=0.0))
        if not worst <= TOLERANCE:
            raise ExportError(
                f"ONNX Runtime and Keras differ by {worst:.1e} in the {name}; at most {TOLERANCE:g} is right"
            )
