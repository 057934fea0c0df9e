"""The training loop: epochs of chunks that a program trains; Python only hears of each chunk."""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from algorithms.ahead import ahead
from algorithms.autoencoder.backend import keras
from algorithms.autoencoder.layers import Weights
from algorithms.autoencoder.program import Program, Rows, Schedule, Shape, program_for, rows_of
from algorithms.autoencoder.recipe import Recipe
from algorithms.autoencoder.spool import Spool
from algorithms.checkpoints import Arrays, Checkpoint, Checkpoints
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
    """What a training did; `best_epoch` is the one whose weights the network has.

    `resumed_from` is the last epoch of an earlier attempt that this one went on after, 0 if there was none.
    """

    history: tuple[Epoch, ...]
    best_epoch: int
    setup_seconds: float
    resumed_from: int = 0


@dataclass
class _Progress:
    """How far a training got, beside what its program holds; `seconds` are those of the epochs."""

    history: list[Epoch] = field(default_factory=list)
    seconds: float = 0.0
    best_epoch: int | None = None
    best_loss: float | None = None
    best_weights: Weights | None = None

    def note(self, val_loss: float, number: int, program: Program) -> bool:
        """Keep the weights if they are the best so far; False if there was no better epoch for too long."""
        if self.best_epoch is None or self.best_loss is None or val_loss < self.best_loss:
            self.best_epoch, self.best_loss, self.best_weights = number, val_loss, program.weights()
            return True
        return number < self.best_epoch + PATIENCE

    def state(self, program: Program) -> tuple[dict[str, Any], Arrays]:
        """Return what a checkpoint keeps."""
        values = {"seconds": self.seconds, "best_epoch": self.best_epoch, "best_loss": self.best_loss}
        # (epochs, 4), NaN for None: JSON would take three times the room, and there may be a million epochs.
        rows = [(epoch.loss, epoch.val_loss, epoch.rows_per_second, epoch.seconds_left) for epoch in self.history]
        history = np.array(rows, np.float64)
        best = ((f"best.{number}", weights) for number, weights in enumerate(self.best_weights or []))
        return values, chain(program.state(), best, [("history", history)])

    @classmethod
    def resumed(cls, checkpoint: Checkpoint, program: Program, epochs: int) -> Self:
        """Return the progress of a checkpoint, whose weights the program then has."""
        program.restore(checkpoint.arrays)
        values = checkpoint.state
        best = [checkpoint.arrays[name] for name in checkpoint.arrays if name.startswith("best.")]
        history = [
            Epoch(number, epochs, loss, None if math.isnan(val_loss) else val_loss, speed, left)
            for number, (loss, val_loss, speed, left) in enumerate(checkpoint.arrays["history"].tolist(), start=1)
        ]
        return cls(history, values["seconds"], values["best_epoch"], values["best_loss"], best or None)


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
    checkpoints: Checkpoints | None = None,
) -> Training:
    """Train the network in place on the rows of a spool, all of them in every epoch, the last partial batch too.

    `noise_unit` (layout.numbers,) is what the recipe's noise is measured in. The same rows, recipe and shards give the
    same weights, however the spool cuts its chunks, and whether or not the training goes on from one of the
    `checkpoints`. Early stopping ends after `PATIENCE` epochs without a better loss on `held_out` and restores the best
    weights.

    Raises:
        DataError: the loss is no longer finite.
    """
    began = time.perf_counter()
    steps = math.ceil(rows.count / recipe.batch_size)
    cosine = recipe.learning_rate_decay == "cosine"
    decay_steps = recipe.epochs * steps if cosine else math.inf
    schedule = Schedule(recipe.seed, recipe.learning_rate, decay_steps, noise_unit)
    found = checkpoints.resumed() if checkpoints is not None else None
    resumed_from = 0 if found is None else found.epoch
    feed = ahead(_chunks(rows, resumed_from, recipe.epochs))
    with program_for(_shape(layout, recipe, shards)) as program, closing(feed) as chunks:
        program.start([variable.numpy() for variable in network.trainable_variables])
        progress = _Progress() if found is None else _Progress.resumed(found, program, recipe.epochs)
        # A chunk of no rows makes TensorFlow prepare the graph, so that the first epoch is as fast as the others.
        program.train(rows_of(Features.empty(0, layout)), 0, schedule)
        watched = rows_of(held_out) if len(held_out) else None
        setup_seconds = time.perf_counter() - began

        for number in range(resumed_from + 1, recipe.epochs + 1):
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
            progress.seconds += time.perf_counter() - began
            left = (recipe.epochs - number) * progress.seconds / number
            progress.history.append(Epoch(number, recipe.epochs, loss, val_loss, rows.count / spent, left))
            on_epoch(progress.history[-1])
            if recipe.early_stopping and val_loss is not None and not progress.note(val_loss, number, program):
                break
            if checkpoints is not None:
                checkpoints.offer(number, lambda: progress.state(program))
        weights = progress.best_weights or program.weights()
        for variable, value in zip(network.trainable_variables, weights, strict=True):
            variable.assign(value)
    return Training(tuple(progress.history), progress.best_epoch or recipe.epochs, setup_seconds, resumed_from)


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


def _chunks(rows: Spool, first: int, epochs: int) -> Iterator[Rows]:
    for epoch in range(first, epochs):
        for chunk in rows.chunks(epoch):
            yield rows_of(chunk)


def _refuse_divergence(loss: float, epoch: int, recipe: Recipe) -> None:
    if math.isfinite(loss):
        return
    why = f"the loss is no longer a finite number in epoch {epoch}; lower learning_rate (now {recipe.learning_rate:g})"
    raise DataError(f"the training diverged: {why}", {"learning_rate": [why]})
