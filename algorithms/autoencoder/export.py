"""The trained network as ONNX, the file that serves."""

from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from algorithms.autoencoder.backend import keras, tf
from algorithms.autoencoder.first_layer import Array, FirstLayer
from algorithms.autoencoder.network import CODE, NUMBERS, RECONSTRUCTION, SLOTS, inputs_of
from algorithms.tabular.features import Features, Layout

OPSET = 20
IR_VERSION = 9
"""What came with this opset: older runtimes can read it too."""

OPERATORS = {"relu": "Relu", "elu": "Elu", "gelu": "Gelu", "tanh": "Tanh", "sigmoid": "Sigmoid"}
"""ONNX operators of the activations; their default attributes are those of Keras."""

TOLERANCE = 1e-5
"""Largest difference of the two runtimes, relative to the larger of 1 and the value."""
CHECKED_ROWS = 256


class ExportError(RuntimeError):
    """The exported network does not compute what the trained one does."""


def to_onnx(network: keras.Model, layout: Layout, sample: Features) -> bytes:
    """Return the network as an ONNX model of what `build_network` describes, slots (B, blocks) int32 gathered.

    `sample` are real features: ONNX Runtime must agree with Keras on the first 256 of them.

    Raises:
        ExportError: it does not.
    """
    given, wanted = [], []
    if layout.numbers:
        given.append(helper.make_tensor_value_info(NUMBERS, TensorProto.FLOAT, ["rows", layout.numbers]))
    if layout.blocks:
        given.append(helper.make_tensor_value_info(SLOTS, TensorProto.INT32, ["rows", len(layout.blocks)]))
    for name, width in ((RECONSTRUCTION, layout.width), (CODE, network.output[CODE].shape[1])):
        wanted.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", width]))
    graph = _Graph()
    dense = [layer for layer in network.layers if isinstance(layer, keras.layers.Dense)]
    h = ""
    for number, layer in enumerate(dense, start=1):
        kernel, bias = layer.get_weights()
        linear = _first_product(graph, layout, kernel, bias) if number == 1 else graph.product(h, kernel, bias)
        operator = OPERATORS.get(layer.activation.__name__)
        h = graph.add(operator, linear) if operator else linear
        if number == len(dense) // 2:
            graph.add("Identity", h, output=CODE)
    graph.add("Identity", h, output=RECONSTRUCTION)
    model = helper.make_model(
        helper.make_graph(graph.nodes, "autoencoder", given, wanted, graph.constants),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    onnx.checker.check_model(model)
    serialized: bytes = model.SerializeToString()
    _compare(network, serialized, sample[:CHECKED_ROWS])
    return serialized


class _Graph:
    """Nodes and constants in the order they are added; values are known by their names."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def add(self, operator: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Add a node; return the name of its output."""
        name = output or f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], **attributes))
        return name

    def constant(self, values: Any, dtype: Any = np.float32) -> str:
        """Add a constant; return its name."""
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def product(self, features: str, kernel: Array, bias: Array) -> str:
        """Add features · kernel + bias."""
        return self.add("Gemm", features, self.constant(kernel), self.constant(bias))


def _first_product(graph: _Graph, layout: Layout, kernel: Array, bias: Array) -> str:
    """Add the first layer up to its activation: features (rows, layout.width) · kernel + bias."""
    first = FirstLayer(layout)
    multiplied, *gathered = first.split(kernel)
    if len(multiplied):
        features = [NUMBERS] if layout.numbers else []
        if first.narrow:
            features.append(_spelled_out(graph, first))
        both = graph.add("Concat", *features, axis=1) if len(features) > 1 else features[0]
        sums = graph.product(both, multiplied, bias)
    else:
        sums = graph.constant(bias)
    for block, start, rows in zip(first.wide, first.first_slots, gathered, strict=True):
        # One block after the other: all of them at once would take as many times the memory.
        slots = graph.add("Gather", SLOTS, graph.constant(block, np.int64), axis=1)
        within = graph.add("Sub", slots, graph.constant(start, np.int32))
        sums = graph.add("Add", sums, graph.add("Gather", graph.constant(rows), within))
    return sums


def _spelled_out(graph: _Graph, first: FirstLayer) -> str:
    """Add the slots of narrow blocks as 0/1 features (rows, first.spelled_out)."""
    narrow = graph.add("Gather", SLOTS, graph.constant(first.narrow, np.int64), axis=1)
    slots = graph.add("Sub", narrow, graph.constant(first.shifts, np.int32))
    shape = graph.add("Shape", slots)
    rows = graph.add("Slice", shape, graph.constant([0], np.int64), graph.constant([1], np.int64))
    width = graph.constant([first.spelled_out], np.int64)
    zeros = graph.add("ConstantOfShape", graph.add("Concat", rows, width, axis=0))
    ones = graph.add("ConstantOfShape", shape, value=numpy_helper.from_array(np.ones(1, np.float32)))
    return graph.add("ScatterElements", zeros, slots, ones, axis=1)


def _compare(network: keras.Model, serialized: bytes, sample: Features) -> None:
    session = onnxruntime.InferenceSession(serialized, providers=["CPUExecutionProvider"])
    inputs = inputs_of(sample)
    served = session.run([RECONSTRUCTION, CODE], inputs)
    with tf.device("CPU:0"):  # a GPU multiplies with fewer digits than are compared here
        trained = network(inputs, training=False)
    for name, ours in zip((RECONSTRUCTION, CODE), served, strict=True):
        theirs = trained[name].numpy()
        worst = float(np.max(np.abs(ours - theirs) / np.maximum(1.0, np.abs(theirs)), initial=0.0))
        if not worst <= TOLERANCE:
            raise ExportError(
                f"ONNX Runtime and Keras differ by {worst:.1e} in the {name}; at most {TOLERANCE:g} is right"
            )
