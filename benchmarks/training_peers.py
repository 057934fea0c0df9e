"""The trainers that `benchmarks.training` compares; run in a process of its own, one measures itself."""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

HIDDEN = (200, 100)
WIDTH = 64
NUMBERS, SLOTS = 29, 1000
"""Columns of the wide case: numbers, and one of so many different values."""
SGEMM_SIZE, SGEMM_PRODUCTS, SGEMM_STRETCHES = 1024, 25, 12
"""A stretch of so many products takes about as long as an epoch."""
OURS = "this product"
OURS_WIDE, OURS_SPELLED_OUT = "1,000 values gathered", "1,000 values spelled out"

Array = NDArray[np.float32]


@dataclass
class Clock:
    """When a trainer had what it needs, and when its epochs ended."""

    began: float = field(default_factory=time.perf_counter)
    imported_at: float = 0.0
    ends: list[float] = field(default_factory=list)

    def imported(self) -> None:
        self.imported_at = time.perf_counter()

    def epoch(self) -> None:
        self.ends.append(time.perf_counter())


def numbers(rows: int) -> Array:
    """Return standard normal features (rows, 64), the same for every trainer."""
    return np.random.default_rng(0).normal(size=(rows, WIDTH)).astype(np.float32)


def train_ours(rows: int, batch: int, epochs: int, clock: Clock) -> None:
    _train_ours(clock, numbers(rows), np.empty((rows, 0), np.int32), (), batch, epochs)


def train_gathered(rows: int, batch: int, epochs: int, clock: Clock) -> None:
    features, slots = _wide(rows)
    _train_ours(clock, features, slots, (SLOTS,), batch, epochs)


def train_spelled_out(rows: int, batch: int, epochs: int, clock: Clock) -> None:
    features, slots = _wide(rows)
    dense = np.zeros((rows, NUMBERS + SLOTS), np.float32)
    dense[:, :NUMBERS] = features
    dense[np.arange(rows), NUMBERS + slots[:, 0]] = 1
    _train_ours(clock, dense, np.empty((rows, 0), np.int32), (), batch, epochs)


def _wide(rows: int) -> tuple[Array, NDArray[np.int32]]:
    generator = np.random.default_rng(0)
    features = generator.normal(size=(rows, NUMBERS)).astype(np.float32)
    return features, generator.integers(0, SLOTS, (rows, 1), np.int32)


def _train_ours(
    clock: Clock, features: Array, slots: NDArray[np.int32], blocks: tuple[int, ...], batch: int, epochs: int
) -> None:
    from algorithms.autoencoder.backend import use_threads
    from algorithms.autoencoder.network import build_network, step_operations
    from algorithms.autoencoder.params import AutoencoderParams
    from algorithms.autoencoder.recipe import resolve_recipe
    from algorithms.autoencoder.spool import MemorySpool
    from algorithms.autoencoder.training import shards_for, train
    from algorithms.tabular.features import Features, Layout
    from algorithms.tabular.params import TabularFeederParams

    clock.imported()
    layout = Layout(features.shape[1], blocks)
    params = AutoencoderParams(hidden=HIDDEN, epochs=epochs, batch_size=batch, dropout=0, trim=0)
    recipe = resolve_recipe(params, TabularFeederParams(), rows=len(features))
    shards = shards_for(_cores(), step_operations(layout, HIDDEN, batch))
    use_threads(shards)
    spool = MemorySpool(Features(features, slots), layout, batch_size=batch, seed=0)
    train(
        build_network(layout, HIDDEN), layout, spool, Features.empty(0, layout), np.zeros(layout.numbers, np.float32),
        recipe, shards=shards, on_epoch=lambda epoch: clock.epoch(),
    )  # fmt: skip


def train_keras(rows: int, batch: int, epochs: int, clock: Clock, steps_per_execution: int = 1) -> None:
    from algorithms.autoencoder.backend import keras

    clock.imported()

    class Ticking(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: object = None) -> None:
            clock.epoch()

    features = numbers(rows)
    layers = [keras.layers.Dense(units, activation="relu") for units in (200, 100, 200)]
    network = keras.Sequential([keras.Input((WIDTH,)), *layers, keras.layers.Dense(WIDTH)])
    network.compile(keras.optimizers.Adam(1e-3), "mse", steps_per_execution=steps_per_execution)
    network.fit(features, features, batch_size=batch, epochs=epochs, verbose=0, callbacks=[Ticking()])


def train_keras_many_steps(rows: int, batch: int, epochs: int, clock: Clock) -> None:
    train_keras(rows, batch, epochs, clock, steps_per_execution=50)


def train_torch(rows: int, batch: int, epochs: int, clock: Clock) -> None:
    """Train as a short script would that knows its way: fused Adam, batches sliced from rows shuffled once an epoch."""
    import torch

    clock.imported()
    features = torch.from_numpy(numbers(rows))
    widths = (WIDTH, 200, 100, 200, WIDTH)
    layers: list[torch.nn.Module] = []
    for wide, narrow in pairwise(widths):
        layers += [torch.nn.Linear(wide, narrow), torch.nn.ReLU()]
    network = torch.nn.Sequential(*layers[:-1])
    optimizer = torch.optim.Adam(network.parameters(), 1e-3, fused=True)
    for _ in range(epochs):
        shuffled = features[torch.randperm(rows)]
        for start in range(0, rows, batch):
            clean = shuffled[start : start + batch]
            loss = torch.nn.functional.mse_loss(network(clean), clean)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        clock.epoch()


def train_pyod(rows: int, batch: int, epochs: int, clock: Clock) -> None:
    from pyod.models.auto_encoder import AutoEncoder

    clock.imported()

    class Ticking(AutoEncoder):
        def epoch_update(self) -> None:
            clock.epoch()

        def decision_function(self, X: Array, batch_size: int | None = None) -> Array:  # noqa: N803
            return np.zeros(len(X))  # scoring is not training

    # The same network: PyOD's would have batch normalisation and dropout on top, and standardise each batch.
    Ticking(
        hidden_neuron_list=list(HIDDEN), batch_norm=False, dropout_rate=0.0, preprocessing=False,
        batch_size=batch, epoch_num=epochs, verbose=0,
    ).fit(numbers(rows))  # fmt: skip


Trainer = Callable[[int, int, int, Clock], None]
PEERS: Mapping[str, Trainer] = {
    OURS: train_ours,
    "Keras fit": train_keras,
    "Keras fit, steps_per_execution=50": train_keras_many_steps,
    "torch loop, fused Adam": train_torch,
    "PyOD AutoEncoder": train_pyod,
}
WIDE: Mapping[str, Trainer] = {OURS_WIDE: train_gathered, OURS_SPELLED_OUT: train_spelled_out}


def operations(name: str) -> float:
    """Return the floating point operations of the products that a trainer needs for a row."""
    from algorithms.autoencoder.network import step_operations
    from algorithms.tabular.features import Layout

    layouts = {OURS_WIDE: Layout(NUMBERS, (SLOTS,)), OURS_SPELLED_OUT: Layout(NUMBERS + SLOTS, ())}
    return step_operations(layouts.get(name, Layout(WIDTH, ())), HIDDEN, 1)


def sgemm_rate() -> float:
    """Return the operations a second of numpy's float32 product of square matrices, on all cores, its best stretch."""
    a, b = (np.random.default_rng(seed).normal(size=(SGEMM_SIZE,) * 2).astype(np.float32) for seed in (0, 1))
    product, ends = np.empty_like(a), [time.perf_counter()]
    for _ in range(SGEMM_STRETCHES):
        for _ in range(SGEMM_PRODUCTS):
            np.matmul(a, b, out=product)
        ends.append(time.perf_counter())
    return SGEMM_PRODUCTS * 2.0 * SGEMM_SIZE**3 / min(np.diff(ends).tolist())


def measure(name: str, rows: int, batch: int, epochs: int) -> dict[str, Any]:
    """Train one epoch as set-up and `epochs` more; return rows per second, and what came before."""
    clock = Clock()
    {**PEERS, **WIDE}[name](rows, batch, epochs + 1, clock)
    epochs_took = np.diff(clock.ends).tolist()
    seconds = statistics.median(epochs_took)
    return {
        "rows_per_second": rows / seconds,
        "fastest_rows_per_second": rows / min(epochs_took),
        "import_seconds": clock.imported_at - clock.began,
        "setup_seconds": clock.ends[0] - clock.imported_at - seconds,
    }


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


if __name__ == "__main__":
    asked, *sizes = sys.argv[1:]
    print(json.dumps({"sgemm": sgemm_rate()} if asked == "sgemm" else measure(asked, *map(int, sizes))))
