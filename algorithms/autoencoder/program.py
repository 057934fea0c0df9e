"""The training as a program in TensorFlow's graph: a call trains a chunk of rows, batch after batch.

At batch 10 a Keras `fit` spends most of its time between steps; here there is nothing between the steps of a chunk.
A program has variables of its own, which a chunk changes in place; the Keras model only gives and takes weights.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algorithms.autoencoder.backend import tf
from algorithms.autoencoder.layers import Layers, Weights
from algorithms.autoencoder.objective import draw_masks, draw_noise, training_loss
from algorithms.tabular.features import ALIGNMENT, Features, Layout

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7
HELD_OUT_ROWS, HELD_OUT_VALUES = 4096, 1 << 21
"""Held-out rows, and features of them, that go through the network at once at most."""
MOST_IDLE = 4
"""Programs kept for a later training of the same shape in this process."""

Rows = tuple[Any, Any]
"""Numbers (N, layout.numbers) float32 and slots (N, blocks) int32, as tensors."""


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


@dataclass(frozen=True)
class Schedule:
    """What the steps of a run depend on besides their rows.

    The learning rate decays by a cosine to 0 in `decay_steps`, infinity for a constant one; `noise_unit`
    (layout.numbers,) is what noise is measured in.
    """

    seed: int
    learning_rate: float
    decay_steps: float
    noise_unit: NDArray[np.float32]


class Program:
    """The variables and the traced graphs of trainings of one shape."""

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._layers = Layers(shape.layout, shape.hidden, shape.activation, shape.output_activation)
        self._variables, self._means, self._squares = (
            [tf.Variable(tf.zeros(size)) for size in self._layers.sizes] for _ in range(3)
        )
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
        for variable, value in zip(self._variables, self._layers.split(weights), strict=True):
            variable.assign(value)
        for moment in (*self._means, *self._squares):
            moment.assign(tf.zeros_like(moment))

    def weights(self) -> Weights:
        """Return copies of the weights."""
        return self._layers.join([variable.numpy() for variable in self._variables])

    def state(self) -> Iterator[tuple[str, NDArray[np.float32]]]:
        """Yield the weights and Adam's moments by name, what `restore` takes; each is copied when it is asked for."""
        for name, variables in self._by_name():
            for number, variable in enumerate(variables):
                yield f"{name}.{number}", variable.numpy()

    def restore(self, state: Mapping[str, NDArray[np.float32]]) -> None:
        """Go on from what `state` gave."""
        for name, variables in self._by_name():
            for number, variable in enumerate(variables):
                variable.assign(state[f"{name}.{number}"])

    def _by_name(self) -> list[tuple[str, list[Any]]]:
        return [("weights", self._variables), ("means", self._means), ("squares", self._squares)]

    def train(self, rows: Rows, first_step: int, schedule: Schedule) -> float:
        """Train on rows in their order; return the sum of their losses. `first_step` counts the steps before."""
        real = tf.constant([schedule.learning_rate, schedule.decay_steps], tf.float32)
        step = tf.constant([first_step, schedule.seed], tf.int64)
        return float(self._run(*rows, tf.constant(schedule.noise_unit), step[0], step[1], real[0], real[1]))

    def error(self, rows: Rows) -> float:
        """Return the mean squared error of at least one row."""
        return float(self._measure(*rows))

    def _chunk(
        self, numbers: Any, slots: Any, unit: Any, first_step: Any, seed: Any, learning_rate: Any, decay_steps: Any
    ) -> Any:
        batch = self._shape.batch_size
        steps = (tf.shape(numbers)[0] + batch - 1) // batch
        rates = _adam_rates(tf.range(first_step, first_step + tf.cast(steps, tf.int64)), learning_rate, decay_steps)

        def step(i: Any, total: Any) -> Any:
            random = (seed, first_step + tf.cast(i, tf.int64))
            return i + 1, total + self._step(numbers, slots, i * batch, unit, tf.gather(rates, i), random)

        return tf.while_loop(lambda i, total: i < steps, step, (0, 0.0), parallel_iterations=1)[1]

    def _step(self, numbers: Any, slots: Any, start: Any, unit: Any, rate: Any, random: tuple[Any, Any]) -> Any:
        """Take one step of Adam on the batch from row `start` of a chunk on; return the sum of its rows' losses.

        `random` are the seed and the number of the step. The parts of the batch meet only in the loss, so that forward
        and backward both run side by side.
        """
        shape, layers = self._shape, self._layers
        count = tf.minimum(shape.batch_size, tf.shape(numbers)[0] - start)
        noise = draw_noise(count, unit, shape.noise, *random) if shape.noise > 0 else None  # (B, layout.numbers)
        masks = draw_masks(count, layers.hidden, shape.dropout, *random) if shape.dropout > 0 else []
        weights = [variable.read_value() for variable in self._variables]
        passes, differences = [], []
        for first, end in _parts(shape.batch_size, shape.shards):
            clean, slot = numbers[start + first : start + end], slots[start + first : start + end]
            noisy = clean if noise is None else clean + noise[first:end]
            passes.append(layers.forward(weights, noisy, slot, [mask[first:end] for mask in masks]))
            differences.append(passes[-1].reconstruction - layers.target(clean, slot))
        loss, outer = training_loss(differences, count, shape.trim)
        gradients = [layers.backward(passed, gradient) for passed, gradient in zip(passes, outer, strict=True)]
        for variable, m, v, *parts in zip(self._variables, self._means, self._squares, *gradients, strict=True):
            # The fused kernel is one call; a method of Keras' optimizer costs several times a small step's arithmetic.
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle, m=m.handle, v=v.handle, grad=tf.add_n(parts), lr=rate,
                beta1=BETA_1, beta2=BETA_2, epsilon=EPSILON, beta1_power=0.0, beta2_power=0.0,
            )  # fmt: skip
        return loss * tf.cast(count, tf.float32)

    def _error(self, numbers: Any, slots: Any) -> Any:
        rows, size = tf.shape(numbers)[0], min(HELD_OUT_ROWS, max(1, HELD_OUT_VALUES // self._shape.layout.width))
        parts = (rows + size - 1) // size
        weights = [variable.read_value() for variable in self._variables]

        def part(i: Any, total: Any) -> Any:
            some = slice(i * size, (i + 1) * size)
            reconstruction = self._layers.forward(weights, numbers[some], slots[some]).reconstruction
            return i + 1, total + tf.nn.l2_loss(reconstruction - self._layers.target(numbers[some], slots[some]))

        _, total = tf.while_loop(lambda i, total: i < parts, part, (0, 0.0), parallel_iterations=1)
        return 2.0 * total / (self._shape.layout.width * tf.cast(rows, tf.float32))


def rows_of(features: Features) -> Rows:
    """Return the features as a program takes them; they must not change any more."""
    return _tensor(features.numbers), _tensor(features.slots)


def _tensor(values: NDArray[Any]) -> Any:
    """Return an array as a tensor, without a copy if TensorFlow can use its memory."""
    if values.size and values.flags.carray and values.ctypes.data % ALIGNMENT == 0:
        return tf.experimental.dlpack.from_dlpack(values.__dlpack__())
    return tf.constant(values)


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
    first, second = (1.0 - tf.pow(tf.constant(beta, tf.float64), before + 1) for beta in (BETA_1, BETA_2))
    return tf.cast(tf.cast(learning_rate, tf.float64) * decay * tf.sqrt(second) / first, tf.float32)


def _parts(batch_size: int, shards: int) -> list[tuple[int, int]]:
    """Return the first row and the end of each part of a batch; a batch with fewer rows has them in the first parts."""
    size = -(-batch_size // shards)
    return [(first, min(first + size, batch_size)) for first in range(0, batch_size, size)]
