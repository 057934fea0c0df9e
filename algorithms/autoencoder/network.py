"""The network: a dense autoencoder as a plain Keras model."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from algorithms.autoencoder.backend import keras

RECONSTRUCTION, CODE = "reconstruction", "code"


def build_network(
    width: int,
    hidden: Sequence[int],
    *,
    activation: str = "relu",
    output_activation: str = "linear",
    dropout: float = 0.0,
    seed: int = 0,
) -> keras.Model:
    """Return an untrained autoencoder: `hidden` are the encoder's widths, the last one that of the code.

    The decoder mirrors the encoder: hidden (200, 100) on 64 features is 64-200-100-200-64. Dropout follows every hidden
    layer, the code included.

    Shapes:
        features: (B, width)
        returns {"reconstruction": (B, width), "code": (B, hidden[-1])}
    """
    seeds = iter(np.random.SeedSequence(seed).generate_state(4 * len(hidden)).tolist())
    features = keras.Input((width,), name="features")
    h = features  # (B, width)
    layers = [*hidden, *reversed(hidden[:-1])]
    for number, units in enumerate(layers, start=1):
        initializer = keras.initializers.GlorotUniform(seed=next(seeds))
        h = keras.layers.Dense(units, activation=activation, kernel_initializer=initializer, name=f"hidden_{number}")(h)
        if number == len(hidden):
            code = h  # (B, hidden[-1])
        if dropout > 0:
            h = keras.layers.Dropout(dropout, seed=next(seeds), name=f"dropout_{number}")(h)
    initializer = keras.initializers.GlorotUniform(seed=next(seeds))
    reconstruction = keras.layers.Dense(
        width, activation=output_activation, kernel_initializer=initializer, name=RECONSTRUCTION
    )(h)  # (B, width)
    return keras.Model(features, {RECONSTRUCTION: reconstruction, CODE: code}, name="autoencoder")


def step_operations(width: int, hidden: Sequence[int], batch_size: int) -> float:
    """Return the floating point operations of one training step: forward, and twice that backward."""
    widths = [width, *hidden, *reversed(hidden[:-1]), width]
    weights = sum(a * b for a, b in pairwise(widths))
    return 6.0 * weights * batch_size
