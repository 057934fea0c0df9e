"""The trainers that `benchmarks.training` compares; run in a process of its own, one measures itself."""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

HIDDEN = (200, 100)
WIDTH = 64
OURS = "this product"

Features = NDArray[np.float32]
Tick = Callable[[], None]
"""Called at the end of every epoch."""


def train_ours(features: Features, batch: int, epochs: int, tick: Tick) -> None:
    from algorithms.autoencoder.backend import use_threads
    from algorithms.autoencoder.network import build_network, step_operations
    from algorithms.autoencoder.params import AutoencoderParams
    from algorithms.autoencoder.recipe import resolve_recipe
    from algorithms.autoencoder.training import shards_for, train
    from algorithms.tabular.params import TabularFeederParams

    params = AutoencoderParams(hidden=HIDDEN, epochs=epochs, batch_size=batch, dropout=0, trim=0)
    recipe = resolve_recipe(params, TabularFeederParams(), rows=len(features))
    shards = shards_for(len(os.sched_getaffinity(0)), step_operations(WIDTH, HIDDEN, batch))
    use_threads(shards)
    network, no_noise = build_network(WIDTH, HIDDEN), np.zeros(WIDTH, np.float32)
    train(network, features, features[:0], no_noise, recipe, shards=shards, on_epoch=lambda epoch: tick())


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


PEERS: Mapping[str, Callable[[Features, int, int, Tick], None]] = {
    OURS: train_ours,
    "Keras fit": train_keras,
    "Keras fit, steps_per_execution=50": train_keras_many_steps,
    "PyOD AutoEncoder": train_pyod,
}


def main(peer: str, batch: int, rows: int, epochs: int) -> None:
    """Train one epoch as set-up and `epochs` more; print the median rows per second of these as JSON."""
    features = np.random.default_rng(0).normal(size=(rows, WIDTH)).astype(np.float32)
    began = time.perf_counter()
    ends: list[float] = []
    PEERS[peer](features, batch, epochs + 1, lambda: ends.append(time.perf_counter()))
    seconds = statistics.median(np.diff(ends).tolist())
    print(json.dumps({"rows_per_second": rows / seconds, "setup_seconds": ends[0] - began - seconds}))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:5]))
