"""The training as a program in TensorFlow's graph: a call trains a chunk of rows, batch after batch.

At batch 10 a Keras `fit` spends most of its time between steps; here there is nothing between the steps of a chunk.
The forward pass is written on plain variables, which a chunk changes in place; the Keras model only gives and takes
weights.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algorithms.autoencoder.backend import keras, tf
from algorithms.autoencoder.first_layer import FirstLayer
from algorithms.autoencoder.objective import corrupt, dropout_mask, training_loss
from algorithms.tabular.features import Features, Layout

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7
HELD_OUT_ROWS = 4096
"""Held-out rows that go through the network at once."""
MOST_IDLE = 4
"""Programs kept for a later training of the same shape in this process."""

Weights = list[NDArray[np.float32]]
"""Kernel and bias of each layer: (in, out), (out,)."""


@dataclass(frozen=True)
class Shape:
    """Everything that the graph of a training depends on; the rest are its arguments."""

    layout: Layout
    hidden: tuple[int, ...]
    activation: str
    output_activation: str
    dropout: float
    noise: float
    trim: float
    batch_size: int
    shards: int

    @property
    def widths(self) -> list[int]:
        """Of the features, of each layer."""
        return [self.layout.width, *self.hidden, *reversed(self.hidden[:-1]), self.layout.width]


@dataclass(frozen=True)
class Schedule:
    """What the steps of a run depend on besides their rows: the learning rate decays by a cosine to 0 in `decay_steps`,
    infinity for a constant one; `noise_unit` (numbers,) is what noise is measured in.
    """

    seed: int
    learning_rate: float
    decay_steps: float
    noise_unit: NDArray[np.float32]


class Program:
    """The variables and the traced graphs of trainings of one shape."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._first = FirstLayer(shape.layout)
        (_, units), *rest = pairwise(shape.widths)
        # The parts of the first kernel are variables of their own: nothing is copied to gather from one.
        sizes: list[tuple[int, ...]] = [*((len(rows), units) for rows in self._first.parts), (units,)]
        for wide, narrow in rest:
            sizes += [(wide, narrow), (narrow,)]
        self._variables = [tf.Variable(tf.zeros(size)) for size in sizes]
        self._moments = [(tf.Variable(tf.zeros(size)), tf.Variable(tf.zeros(size))) for size in sizes]
        self._activations = [keras.activations.get(shape.activation)] * len(rest)
        self._activations.append(keras.activations.get(shape.output_activation))
        step, real = tf.TensorSpec((), tf.int64), tf.TensorSpec((), tf.float32)
        unit = tf.TensorSpec((shape.layout.numbers,), tf.float32)
        self._run = _traced(self._chunk, [*self._rows, unit, step, step, real, real])

    @property
    def _rows(self) -> list[Any]:
        layout = self._shape.layout
        return [tf.TensorSpec((None, layout.numbers), tf.float32), tf.TensorSpec((None, len(layout.blocks)), tf.int32)]

    @cached_property
    def _measure(self) -> Any:
        return _traced(self._error, self._rows)

    def start(self, weights: Weights) -> None:
        """Begin a run from these weights."""
        kernel, *others = weights
        for variable, value in zip(self._variables, [*self._first.split(kernel), *others], strict=True):
            variable.assign(value)
        for moments in self._moments:
            for moment in moments:
                moment.assign(tf.zeros_like(moment))

    def weights(self) -> Weights:
        """Return copies of the weights."""
        values = [variable.numpy() for variable in self._variables]
        parts = len(self._first.parts)
        return [self._first.join(values[:parts]), *values[parts:]]

    def train(self, rows: "Rows", first_step: int, schedule: Schedule) -> float:
        """Train on rows in their order; return the sum of their losses. `first_step` counts the steps before."""
        real = tf.constant([schedule.learning_rate, schedule.decay_steps], tf.float32)
        step = tf.constant([first_step, schedule.seed], tf.int64)
        return float(self._run(*rows, tf.constant(schedule.noise_unit), step[0], step[1], real[0], real[1]))

    def error(self, rows: "Rows") -> float:
        """Return the mean squared error of at least one row."""
        return float(self._measure(*rows))

    def _chunk(
        self, numbers: Any, slots: Any, unit: Any, first_step: Any, seed: Any, learning_rate: Any, decay_steps: Any
    ) -> Any:
        batch = self._shape.batch_size
        count = tf.shape(numbers)[0]
        steps = (count + batch - 1) // batch
        rates = _adam_rates(tf.range(first_step, first_step + tf.cast(steps, tf.int64)), learning_rate, decay_steps)

        def step(i: Any, total: Any) -> Any:
            rows = slice(i * batch, (i + 1) * batch)
            loss = self._step(numbers[rows], slots[rows], unit, rates[i], seed, first_step + tf.cast(i, tf.int64))
            return i + 1, total + loss

        return tf.while_loop(lambda i, total: i < steps, step, (0, 0.0), parallel_iterations=1)[1]

    def _step(self, numbers: Any, slots: Any, unit: Any, rate: Any, seed: Any, step: Any) -> Any:
        """Take one step of Adam on a batch; return the sum of its rows' losses."""
        shape = self._shape
        count = tf.shape(numbers)[0]
        noisy = corrupt(numbers, unit, shape.noise, seed, step)
        masks = []
        if shape.dropout > 0:
            layers = enumerate(shape.widths[1:-1])
            masks = [dropout_mask(count, units, shape.dropout, i, seed, step) for i, units in layers]
        with tf.GradientTape() as tape:
            weights = [variable.read_value() for variable in self._variables]
            tape.watch(weights)
            # The parts meet only in the loss, so that forward and backward both run side by side.
            errors = [
                self._errors(weights, noisy[part], numbers[part], slots[part], [mask[part] for mask in masks])
                for part in _parts(count, shape.shards)
            ]
            loss = training_loss(tf.concat(errors, axis=0), shape.trim)
        for variable, (m, v), gradient in zip(
            self._variables, self._moments, tape.gradient(loss, weights), strict=True
        ):
            # The fused kernel is one call; a method of Keras' optimizer costs several times a small step's arithmetic.
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle, m=m.handle, v=v.handle, grad=tf.convert_to_tensor(gradient), lr=rate,
                beta1=BETA_1, beta2=BETA_2, epsilon=EPSILON, beta1_power=0.0, beta2_power=0.0,
            )  # fmt: skip
        return loss * tf.cast(count, tf.float32)

    def _errors(self, weights: Sequence[Any], noisy: Any, numbers: Any, slots: Any, masks: Sequence[Any]) -> Any:
        """Return the mean squared error (B,) of each row, of reconstructing `numbers` from `noisy`, and slots."""
        target = numbers  # (B, width)
        if self._shape.layout.blocks:
            target = tf.concat([numbers, _spelled_out(slots, self._shape.layout.slots)], axis=1)
        reconstruction = self._forward(weights, noisy, slots, masks)
        return tf.reduce_mean(tf.math.squared_difference(reconstruction, target), axis=1)

    def _forward(self, weights: Sequence[Any], numbers: Any, slots: Any, masks: Sequence[Any]) -> Any:
        """Return the reconstruction (B, width)."""
        first, features = self._first, numbers
        if first.narrow:
            narrow = tf.gather(slots, first.narrow, axis=1) - first.shifts if first.wide else slots
            features = tf.concat([numbers, _spelled_out(narrow, first.spelled_out)], axis=1)
        kernel, *rest = weights
        sums = [tf.matmul(features, kernel)]
        for block, start in zip(first.wide, first.first_slots, strict=True):
            sums.append(tf.gather(rest.pop(0), slots[:, block] - start))
        h = self._activations[0](tf.nn.bias_add(tf.add_n(sums), rest.pop(0)))
        for number, activation in enumerate(self._activations[1:]):
            if masks:
                h *= masks[number]
            h = activation(tf.nn.bias_add(tf.matmul(h, rest.pop(0)), rest.pop(0)))
        return h

    def _error(self, numbers: Any, slots: Any) -> Any:
        rows = tf.shape(numbers)[0]
        parts = (rows + HELD_OUT_ROWS - 1) // HELD_OUT_ROWS
        weights = [variable.read_value() for variable in self._variables]

        def part(i: Any, total: Any) -> Any:
            some = slice(i * HELD_OUT_ROWS, (i + 1) * HELD_OUT_ROWS)
            return i + 1, total + tf.reduce_sum(self._errors(weights, numbers[some], numbers[some], slots[some], ()))

        _, total = tf.while_loop(lambda i, total: i < parts, part, (0, 0.0))
        return total / tf.cast(rows, tf.float32)


Rows = tuple[Any, Any]
"""Numbers (N, d) float32 and slots (N, k) int32 as tensors."""


def rows_of(features: Features) -> Rows:
    """Return the features where a program finds them fastest."""
    return tf.constant(features.numbers), tf.constant(features.slots)


@contextmanager
def program_for(shape: Shape) -> Iterator[Program]:
    """Lend a program of this shape, one that another training left when there is one: its graphs are traced already."""
    program = _idle.pop(shape, None) or Program(shape)
    try:
        yield program
    finally:
        _idle[shape] = program
        while len(_idle) > MOST_IDLE:
            _idle.popitem(last=False)


_idle: OrderedDict[Shape, Program] = OrderedDict()


def _traced(function: Callable[..., Any], signature: list[Any]) -> Any:
    return tf.function(function, signature, autograph=False).get_concrete_function()


def _adam_rates(steps: Any, learning_rate: Any, decay_steps: Any) -> Any:
    """Return the step sizes (steps,) of Adam with its bias corrections (Kingma and Ba 2015, the end of section 2)."""
    before = tf.cast(steps, tf.float64)
    decay = 0.5 * (1.0 + tf.cos(np.pi * before / tf.cast(decay_steps, tf.float64)))
    bias = tf.sqrt(1.0 - tf.pow(tf.constant(BETA_2, tf.float64), before + 1)) / (
        1.0 - tf.pow(tf.constant(BETA_1, tf.float64), before + 1)
    )
    return tf.cast(tf.cast(learning_rate, tf.float64) * decay * bias, tf.float32)


def _parts(count: Any, shards: int) -> list[slice]:
    """Return the rows of a batch in parts of ⌈count / shards⌉, the last ones possibly smaller or empty."""
    if shards == 1:
        return [slice(None)]
    rows = (count + shards - 1) // shards
    return [slice(i * rows, (i + 1) * rows) for i in range(shards)]


def _spelled_out(slots: Any, count: int) -> Any:
    """Return slots (B, k), numbered from 0 to `count` through all blocks, as 0/1 features (B, count)."""
    return tf.raw_ops.DenseBincount(input=slots, size=count, weights=tf.zeros((0,)), binary_output=True)
