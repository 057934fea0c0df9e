"""The training loop: epochs of chunks that a program trains; Python only hears of each chunk."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algorithms.ahead import ahead
from algorithms.autoencoder.backend import keras
from algorithms.autoencoder.program import Rows, Schedule, Shape, program_for, rows_of
from algorithms.autoencoder.recipe import Recipe
from algorithms.autoencoder.spool import Spool
from algorithms.errors import DataError
from algorithms.tabular.features import Features, Layout

PATIENCE = 10
"""Epochs without a better held-out loss after which early stopping ends the training."""

WORTH_A_THREAD = 20e6
"""Floating point operations in a step from which on a further thread pays."""


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
    layout: Layout,
    rows: Spool,
    held_out: Features,
    noise_unit: NDArray[np.float32],
    recipe: Recipe,
    *,
    shards: int = 1,
    on_epoch: Callable[[Epoch], None] = lambda epoch: None,
) -> Training:
    """Train the network in place on the rows of a spool, all of them in every epoch, the last partial batch too.

    `noise_unit` (layout.numbers,) is what the recipe's noise is measured in. The same rows, recipe and shards give the
    same weights, however the spool cuts its chunks. Early stopping ends after `PATIENCE` epochs without a better loss
    on `held_out` and restores the best weights.

    Raises:
        DataError: the loss is no longer finite.
    """
    began = time.perf_counter()
    steps = math.ceil(rows.count / recipe.batch_size)
    cosine = recipe.learning_rate_decay == "cosine"
    decay_steps = recipe.epochs * steps if cosine else math.inf
    schedule = Schedule(recipe.seed, recipe.learning_rate, decay_steps, noise_unit)
    with program_for(_shape(layout, recipe, shards)) as program, closing(ahead(_chunks(rows, recipe.epochs))) as chunks:
        program.start([variable.numpy() for variable in network.trainable_variables])
        # A chunk of no rows makes TensorFlow prepare the graph, so that the first epoch is as fast as the others.
        program.train(rows_of(Features.empty(0, layout)), 0, schedule)
        watched = rows_of(held_out) if len(held_out) else None
        setup_seconds = time.perf_counter() - began

        history: list[Epoch] = []
        best_epoch, best_loss, best_weights = recipe.epochs, math.inf, None
        seconds = 0.0
        for number in range(1, recipe.epochs + 1):
            began = time.perf_counter()
            loss, trained = 0.0, 0
            while trained < rows.count:
                chunk = next(chunks)
                loss += program.train(chunk, (number - 1) * steps + trained // recipe.batch_size, schedule)
                trained += len(chunk[0])
                _refuse_divergence(loss, number, recipe)
            loss /= rows.count
            spent = time.perf_counter() - began
            val_loss = None if watched is None else program.error(watched)
            if val_loss is not None:
                _refuse_divergence(val_loss, number, recipe)
            seconds += time.perf_counter() - began
            left = (recipe.epochs - number) * seconds / number
            history.append(Epoch(number, recipe.epochs, loss, val_loss, rows.count / spent, left))
            on_epoch(history[-1])
            if recipe.early_stopping and val_loss is not None:
                if val_loss < best_loss:
                    best_epoch, best_loss, best_weights = number, val_loss, program.weights()
                elif number >= best_epoch + PATIENCE:
                    break
        for variable, value in zip(network.trainable_variables, best_weights or program.weights(), strict=True):
            variable.assign(value)
    return Training(tuple(history), best_epoch, setup_seconds)


def _shape(layout: Layout, recipe: Recipe, shards: int) -> Shape:
    return Shape(
        layout,
        recipe.hidden,
        recipe.activation,
        recipe.output_activation,
        recipe.dropout,
        recipe.noise if layout.numbers else 0.0,
        recipe.trim,
        recipe.batch_size,
        shards,
    )


def _chunks(rows: Spool, epochs: int) -> Iterator[Rows]:
    for epoch in range(epochs):
        for chunk in rows.chunks(epoch):
            yield rows_of(chunk)


def _refuse_divergence(loss: float, epoch: int, recipe: Recipe) -> None:
    if math.isfinite(loss):
        return
    why = f"the loss is no longer a finite number in epoch {epoch}; lower learning_rate (now {recipe.learning_rate:g})"
    raise DataError(f"the training diverged: {why}", {"learning_rate": [why]})
