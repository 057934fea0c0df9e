"""The layers of the network on plain weights, forward and backward, as a training step computes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algorithms.autoencoder.backend import keras, tf
from algorithms.autoencoder.first_layer import FirstLayer
from algorithms.tabular.features import Layout

Weights = list[NDArray[np.float32]]
"""Kernel (in, out) and bias (out,) of each layer, as Keras lists them."""


@dataclass(frozen=True)
class Pass:
    """A forward pass of rows (B, width).

    Attributes:
        inputs: of each layer, (B, in).
        slots: of each wide block, (B,), numbered from 0.
        linear: of each layer before its activation, (B, out).
        reconstruction: (B, width).
        tape: recorded everything after the first of `linear`.
    """

    inputs: list[Any]
    slots: list[Any]
    linear: list[Any]
    reconstruction: Any
    tape: Any


class Layers:
    """Dense layers, of which the first gathers rows of its kernel for the slots of wide blocks.

    Its kernel is kept in parts, so that gathering from one copies nothing: `sizes` are those of its parts, of its bias,
    and then of kernel and bias of each other layer.
    """

    def __init__(self, layout: Layout, hidden: Sequence[int], activation: str, output_activation: str) -> None:
        self.hidden = [*hidden, *reversed(hidden[:-1])]
        self._layout = layout
        self._first = FirstLayer(layout)
        self.sizes: list[tuple[int, ...]] = [(len(rows), self.hidden[0]) for rows in self._first.parts]
        self.sizes.append((self.hidden[0],))
        for wide, narrow in pairwise([*self.hidden, layout.width]):
            self.sizes += [(wide, narrow), (narrow,)]
        self._activations = [keras.activations.get(activation)] * len(self.hidden)
        self._activations.append(keras.activations.get(output_activation))

    def split(self, weights: Weights) -> Weights:
        """Return the weights with the first kernel in parts."""
        return [*self._first.split(weights[0]), *weights[1:]]

    def join(self, weights: Weights) -> Weights:
        """Return the weights with a whole first kernel."""
        parts = len(self._first.parts)
        return [self._first.join(weights[:parts]), *weights[parts:]]

    def target(self, numbers: Any, slots: Any) -> Any:
        """Return the features (B, width), spelled out."""
        return tf.concat([numbers, _spelled_out(slots, self._layout.slots)], axis=1) if self._layout.blocks else numbers

    def forward(self, weights: Sequence[Any], numbers: Any, slots: Any, masks: Sequence[Any] = ()) -> Pass:
        """Pass rows through the layers; `masks` are multiplied with the outputs of the hidden ones.

        Shapes:
            numbers: (B, layout.numbers), slots: (B, blocks) int32
            masks: (B, out) for each hidden layer, or none
        """
        first = self._first
        features = numbers
        if first.narrow:
            narrow = tf.gather(slots, first.narrow, axis=1) - first.shifts if first.wide else slots
            features = tf.concat([numbers, _spelled_out(narrow, first.spelled_out)], axis=1)
        wide = [slots[:, block] - start for block, start in zip(first.wide, first.first_slots, strict=True)]
        kernel, *rest = weights
        gathered, rest = rest[: len(wide)], rest[len(wide) :]
        sums = [
            tf.matmul(features, kernel),
            *(tf.gather(rows, slot) for rows, slot in zip(gathered, wide, strict=True)),
        ]
        inputs, linear = [features], [tf.nn.bias_add(tf.add_n(sums), rest[0])]
        with tf.GradientTape() as tape:
            tape.watch(linear[0])
            for i, activation in enumerate(self._activations[:-1]):
                h = activation(linear[-1])
                inputs.append(h * masks[i] if masks else h)
                linear.append(tf.nn.bias_add(tf.matmul(inputs[-1], rest[2 * i + 1]), rest[2 * i + 2]))
            reconstruction = self._activations[-1](linear[-1])
        return Pass(inputs, wide, linear, reconstruction, tape)

    def backward(self, passed: Pass, gradient: Any) -> list[Any]:
        """Return the gradients of the weights, given that of the reconstruction (B, width)."""
        deltas = passed.tape.gradient(passed.reconstruction, passed.linear, gradient)
        # First back through all layers, then the weights: so threads that share a batch wait less for each other.
        with tf.control_dependencies([deltas[0]]):
            kernels = [
                tf.matmul(inputs, delta, transpose_a=True) for inputs, delta in zip(passed.inputs, deltas, strict=True)
            ]
            biases = [tf.raw_ops.BiasAddGrad(out_backprop=delta) for delta in deltas]
            gathered = [
                tf.math.unsorted_segment_sum(deltas[0], slot, len(rows))
                for slot, rows in zip(passed.slots, self._first.gathered, strict=True)
            ]
        others = [each for pair in zip(kernels[1:], biases[1:], strict=True) for each in pair]
        return [kernels[0], *gathered, biases[0], *others]


def _spelled_out(slots: Any, count: int) -> Any:
    """Return slots (B, k), numbered from 0 to `count` through all blocks, as 0/1 features (B, count)."""
    return tf.raw_ops.DenseBincount(input=slots, size=count, weights=tf.zeros((0,)), binary_output=True)
