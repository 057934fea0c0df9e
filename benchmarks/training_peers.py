"""The trainers that `benchmarks.training` compares; run in a process of its own, one measures itself."""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

HIDDEN = (200, 100)
WIDTH = 64
NUMBERS, CATEGORIES = 29, 1001
"""The wide table: 30 columns, one of them a category of 1,000 values and the slot of all others."""
OURS = "this product"
GATHERED, SPELLED_OUT = "this product, 1,000 values gathered", "this product, 1,000 values as 0/1 columns"
SGEMM = "sgemm"

Features = NDArray[np.float32]
Tick = Callable[[], None]
"""Called at the end of every epoch."""


def train_ours(features: Features, batch: int, epochs: int, tick: Tick, slots: Any = None, blocks: Any = ()) -> None:
    """Train as the recipes do, without what no peer has: dropout, trimming, noise."""
    from algorithms.autoencoder.backend import use_threads
    from algorithms.autoencoder.network import build_network, step_operations
    from algorithms.autoencoder.params import AutoencoderParams
    from algorithms.autoencoder.recipe import resolve_recipe
    from algorithms.autoencoder.spool import MemorySpool
    from algorithms.autoencoder.training import shards_for, train
    from algorithms.tabular.features import Features as Encoded
    from algorithms.tabular.features import Layout
    from algorithms.tabular.params import TabularFeederParams

    layout = Layout(features.shape[1], blocks)
    encoded = Encoded(features, np.empty((len(features), 0), np.int32) if slots is None else slots)
    params = AutoencoderParams(hidden=HIDDEN, epochs=epochs, batch_size=batch, dropout=0, trim=0)
    recipe = resolve_recipe(params, TabularFeederParams(), rows=len(features))
    shards = shards_for(len(os.sched_getaffinity(0)), step_operations(layout, HIDDEN, batch))
    use_threads(shards)
    spool = MemorySpool(encoded, batch_size=batch, seed=0)
    no_noise = np.zeros(layout.numbers, np.float32)
    network = build_network(layout, HIDDEN)
    train(network, layout, spool, encoded[:0], no_noise, recipe, shards=shards, on_epoch=lambda epoch: tick())


def train_gathered(features: Features, batch: int, epochs: int, tick: Tick) -> None:
    train_ours(features[:, :NUMBERS], batch, epochs, tick, _categories(len(features)), (CATEGORIES,))


def train_spelled_out(features: Features, batch: int, epochs: int, tick: Tick) -> None:
    one_hot = np.zeros((len(features), CATEGORIES), np.float32)
    np.put_along_axis(one_hot, _categories(len(features)), 1.0, axis=1)
    train_ours(np.hstack([features[:, :NUMBERS], one_hot]), batch, epochs, tick)


def _categories(rows: int) -> NDArray[np.int32]:
    return np.random.default_rng(1).integers(CATEGORIES, size=(rows, 1), dtype=np.int32)


def train_keras(features: Features, batch: int, epochs: int, tick: Tick, steps_per_execution: int = 1) -> None:
    from algorithms.autoencoder.backend import keras

    class Ticking(keras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: object = None) -> None:
            tick()

    layers = [keras.layers.Dense(units, activation="relu") for units in (200, 100, 200)]
    network = keras.Sequential([keras.Input((WIDTH,)), *layers, keras.layers.Dense(WIDTH)])
    network.compile(keras.optimizers.Adam(1e-3), "mse", steps_per_execution=steps_per_execution)
    network.fit(features, features, batch_size=batch, epochs=epochs, verbose=0, callbacks=[Ticking()])


def train_keras_many_steps(features: Features, batch: int, epochs: int, tick: Tick) -> None:
    train_keras(features, batch, epochs, tick, steps_per_execution=50)


def train_pyod(features: Features, batch: int, epochs: int, tick: Tick) -> None:
    from pyod.models.auto_encoder import AutoEncoder

    class Ticking(AutoEncoder):
        def epoch_update(self) -> None:
            tick()

        def decision_function(self, X: Features, batch_size: int | None = None) -> Features:  # noqa: N803
            return np.zeros(len(X))  # scoring is not training

    # The same network: PyOD's would have batch normalisation and dropout on top, and standardise each batch.
    Ticking(
        hidden_neuron_list=list(HIDDEN), batch_norm=False, dropout_rate=0.0, preprocessing=False,
        batch_size=batch, epoch_num=epochs, verbose=0,
    ).fit(features)  # fmt: skip


def train_torch(features: Features, batch: int, epochs: int, tick: Tick) -> None:
    """The loop one would write by hand: rows shuffled once an epoch, slices of them, Adam's fused kernel."""
    import torch
    from torch import nn

    widths = (WIDTH, *HIDDEN, HIDDEN[0], WIDTH)
    layers: list[nn.Module] = []
    for wide, narrow in pairwise(widths):
        layers += [nn.Linear(wide, narrow), nn.ReLU()]
    network = nn.Sequential(*layers[:-1])
    optimizer = torch.optim.Adam(network.parameters(), 1e-3, fused=True)
    rows = torch.from_numpy(features)
    for _ in range(epochs):
        shuffled = rows[torch.randperm(len(rows))]
        for start in range(0, len(rows), batch):
            given = shuffled[start : start + batch]
            optimizer.zero_grad(set_to_none=True)
            nn.functional.mse_loss(network(given), given).backward()
            optimizer.step()
        tick()


PEERS: Mapping[str, Callable[[Features, int, int, Tick], None]] = {
    OURS: train_ours,
    "Keras fit": train_keras,
    "Keras fit, steps_per_execution=50": train_keras_many_steps,
    "PyOD AutoEncoder": train_pyod,
    "plain torch loop": train_torch,
}
WIDE: Mapping[str, Callable[[Features, int, int, Tick], None]] = {
    GATHERED: train_gathered,
    SPELLED_OUT: train_spelled_out,
}


def sgemm() -> float:
    """Return the operations per second of float32 products of 1024 × 1024 on all cores: the best of 20."""
    a, b = np.random.default_rng(0).random((2, 1024, 1024), np.float32)
    spent = []
    for _ in range(20):
        began = time.perf_counter()
        a @ b
        spent.append(time.perf_counter() - began)
    return 2 * 1024**3 / min(spent)


def main(peer: str, batch: int, rows: int, epochs: int) -> None:
    """Train one epoch as set-up and `epochs` more; print the median rows per second of these as JSON."""
    if peer == SGEMM:
        print(json.dumps({"operations_per_second": sgemm()}))
        return
    features = np.random.default_rng(0).normal(size=(rows, WIDTH)).astype(np.float32)
    began = time.perf_counter()
    ends: list[float] = []
    {**PEERS, **WIDE}[peer](features, batch, epochs + 1, lambda: ends.append(time.perf_counter()))
    seconds = statistics.median(np.diff(ends).tolist())
    print(json.dumps({"rows_per_second": rows / seconds, "setup_seconds": ends[0] - began - seconds}))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:5]))
