"""The training loop: it runs inside the graph, an epoch per call.

One `tf.function` shuffles the rows and loops over their batches; Python only hears of each finished epoch. At batch 10
a Keras `fit` spends most of its time between steps; this loop has nothing between steps.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algorithms.autoencoder.backend import keras, tf
from algorithms.autoencoder.network import RECONSTRUCTION
from algorithms.autoencoder.objective import corrupt, training_loss
from algorithms.autoencoder.recipe import Recipe
from algorithms.errors import DataError

PATIENCE = 10
"""Epochs without a better held-out loss after which early stopping ends the training."""

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7
HELD_OUT_ROWS = 8192
"""Held-out rows that go through the network at once."""

WORTH_A_THREAD = 20e6
"""Floating point operations in a step from which on a further thread pays."""

SHUFFLE = 1
"""Random stream of the row order; `objective` has its own."""


@dataclass(frozen=True)
class Epoch:
    """A finished epoch. `val_loss` is None without held-out rows.

    `rows_per_second` times the training alone, without the set-up and without the pass over the held-out rows;
    `seconds_left` foresees both the training and those passes.
    """

    epoch: int
    epochs: int
    loss: float
    val_loss: float | None
    rows_per_second: float
    seconds_left: float


@dataclass(frozen=True)
class Training:
    """What a training did; `best_epoch` is the one whose weights the network has."""

    history: tuple[Epoch, ...]
    best_epoch: int
    setup_seconds: float


def shards_for(threads: int, step_operations: float) -> int:
    """Return into how many parts to split each batch, one for each thread that a step can keep busy.

    Measured with hidden 200-100 on two cores: a batch of 10 is fastest on one thread; a batch of 256 trains up to 1.5
    times faster as two halves side by side, and slower than on one thread when each product is split instead.
    """
    return max(1, min(threads, int(step_operations // WORTH_A_THREAD)))


def train(
    network: keras.Model,
    features: NDArray[np.float32],
    held_out: NDArray[np.float32],
    noise_unit: NDArray[np.float32],
    recipe: Recipe,
    *,
    shards: int = 1,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
) -> Training:
    """Train the network in place on features (N, width), all of them in every epoch, the last partial batch too.

    `noise_unit` (width,) is what the recipe's noise is measured in, 0 for features that get none.
    The same features, recipe and shards give the same weights. Early stopping ends after `PATIENCE` epochs
    without a better loss on `held_out` (M, width) and restores the best weights.

    Raises:
        DataError: the loss is no longer finite.
    """
    began = time.perf_counter()
    run_epoch = _epoch_function(network, tf.constant(features), noise_unit, recipe, shards)
    held_out_loss = _loss_function(network, held_out) if len(held_out) else None
    setup_seconds = time.perf_counter() - began

    history: list[Epoch] = []
    best_epoch, best_loss, best_weights = recipe.epochs, math.inf, None
    seconds = 0.0
    for number in range(1, recipe.epochs + 1):
        began = time.perf_counter()
        loss = float(run_epoch(tf.constant(number - 1, tf.int64)))
        spent = time.perf_counter() - began
        val_loss = None if held_out_loss is None else float(held_out_loss())
        seconds += time.perf_counter() - began
        _refuse_divergence(loss, val_loss, number, recipe)
        left = (recipe.epochs - number) * seconds / number
        history.append(Epoch(number, recipe.epochs, loss, val_loss, len(features) / spent, left))
        on_epoch(history[-1])
        if recipe.early_stopping and val_loss is not None:
            if val_loss < best_loss:
                best_epoch, best_loss, best_weights = number, val_loss, network.get_weights()
            elif number >= best_epoch + PATIENCE:
                break
    if best_weights is not None:
        network.set_weights(best_weights)
    return Training(tuple(history), best_epoch, setup_seconds)


def _epoch_function(
    network: keras.Model, data: Any, noise_unit: NDArray[np.float32], recipe: Recipe, shards: int
) -> Any:
    """Return the traced graph of one epoch: its number from 0 (int64) → the mean loss of its rows.

    A method of Keras' optimizer costs several times the arithmetic of a small step; the fused kernel costs one call.
    """
    rows, batch = data.shape[0], recipe.batch_size
    steps = math.ceil(rows / batch)
    decay_steps = recipe.epochs * steps if recipe.learning_rate_decay == "cosine" else None
    weights = [variable.value for variable in network.trainable_variables]
    moments = [(tf.Variable(tf.zeros_like(w)), tf.Variable(tf.zeros_like(w))) for w in weights]
    unit = tf.constant(noise_unit, tf.float32)  # (width,)

    def step(shuffled: Any, i: Any, epoch: Any) -> Any:
        clean = shuffled[i * batch : (i + 1) * batch]  # (B, width)
        number = epoch * steps + tf.cast(i, tf.int64)
        noisy = corrupt(clean, unit, recipe.noise, recipe.seed, number)
        with tf.GradientTape() as tape:
            # The parts meet only in the loss, so that forward and backward both run side by side.
            parts = [network(part, training=True)[RECONSTRUCTION] for part in _split(noisy, shards)]
            reconstruction = tf.concat(parts, axis=0)  # (B, width)
            loss = training_loss(reconstruction, clean, recipe.trim)
        t = tf.cast(number + 1, tf.float32)
        rate = recipe.learning_rate
        if decay_steps is not None:
            rate *= 0.5 * (1.0 + tf.cos(math.pi * tf.cast(number, tf.float32) / decay_steps))
        for weight, (m, v), gradient in zip(weights, moments, tape.gradient(loss, weights), strict=True):
            tf.raw_ops.ResourceApplyAdam(
                var=weight.handle, m=m.handle, v=v.handle, grad=gradient, lr=rate,
                beta1=BETA_1, beta2=BETA_2, epsilon=EPSILON, beta1_power=BETA_1**t, beta2_power=BETA_2**t,
            )  # fmt: skip
        return loss * tf.cast(tf.shape(clean)[0], tf.float32)

    def epoch(number: Any) -> Any:
        seed = tf.stack([tf.constant(recipe.seed, tf.int64) * 8 + SHUFFLE, number])
        order = tf.random.experimental.stateless_shuffle(tf.range(rows), seed)
        shuffled = tf.gather(data, order)  # once, so that every batch is a contiguous slice
        _, total = tf.while_loop(
            lambda i, total: i < steps,
            lambda i, total: (i + 1, total + step(shuffled, i, number)),
            (0, 0.0),
        )
        return total / rows

    # Traced here, so that the first epoch is as fast as the others.
    return tf.function(epoch, autograph=False).get_concrete_function(tf.TensorSpec((), tf.int64))


def _split(batch: Any, shards: int) -> list[Any]:
    """Return the batch (B, width) in parts of ⌈B / shards⌉ rows, the last ones possibly smaller or empty."""
    if shards == 1:
        return [batch]
    rows = (tf.shape(batch)[0] + shards - 1) // shards
    return [batch[i * rows : (i + 1) * rows] for i in range(shards)]


def _loss_function(network: keras.Model, held_out: NDArray[np.float32]) -> Any:
    """Return the traced graph of the mean squared error of held-out features (M, width), a part of them at a time."""
    data = tf.constant(held_out)
    parts = math.ceil(len(held_out) / HELD_OUT_ROWS)

    def part_error(i: Any) -> Any:
        part = data[i * HELD_OUT_ROWS : (i + 1) * HELD_OUT_ROWS]
        return tf.reduce_sum(tf.math.squared_difference(network(part, training=False)[RECONSTRUCTION], part))

    def loss() -> Any:
        _, total = tf.while_loop(lambda i, total: i < parts, lambda i, total: (i + 1, total + part_error(i)), (0, 0.0))
        return total / held_out.size

    return tf.function(loss, autograph=False).get_concrete_function()


def _refuse_divergence(loss: float, val_loss: float | None, epoch: int, recipe: Recipe) -> None:
    if math.isfinite(loss) and (val_loss is None or math.isfinite(val_loss)):
        return
    why = f"the loss is no longer a finite number in epoch {epoch}; lower learning_rate (now {recipe.learning_rate:g})"
    raise DataError(f"the training diverged: {why}", {"learning_rate": [why]})
