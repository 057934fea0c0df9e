"""The network: a dense autoencoder as a plain Keras model."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from algorithms.autoencoder.backend import keras
from algorithms.autoencoder.first_layer import FirstLayer
from algorithms.tabular.features import Features, Layout

NUMBERS, SLOTS = "numbers", "slots"
RECONSTRUCTION, CODE = "reconstruction", "code"


def build_network(
    layout: Layout,
    hidden: Sequence[int],
    *,
    activation: str = "relu",
    output_activation: str = "linear",
    dropout: float = 0.0,
    seed: int = 0,
) -> keras.Model:
    """Return an untrained autoencoder: `hidden` are the encoder's widths, the last one that of the code.

    The decoder mirrors the encoder: hidden (200, 100) on 64 features is 64-200-100-200-64. Dropout follows every hidden
    layer, the code included. The model spells slots out as 0/1 features, so that it is an ordinary dense network for
    who loads it; what trains and serves gathers rows of the first kernel for wide blocks.

    Shapes:
        {"numbers": (B, layout.numbers) float32, "slots": (B, blocks) int32}, without the one of width 0
        returns {"reconstruction": (B, layout.width), "code": (B, hidden[-1])}
    """
    seeds = iter(np.random.SeedSequence(seed).generate_state(4 * len(hidden)).tolist())
    inputs, parts = {}, []
    if layout.numbers:
        inputs[NUMBERS] = keras.Input((layout.numbers,), name=NUMBERS)
        parts.append(inputs[NUMBERS])
    if layout.blocks:
        inputs[SLOTS] = keras.Input((len(layout.blocks),), dtype="int32", name=SLOTS)
        parts.append(keras.layers.CategoryEncoding(layout.slots, "multi_hot", name="one_hot")(inputs[SLOTS]))
    h = parts[0] if len(parts) == 1 else keras.layers.Concatenate(name="features")(parts)  # (B, width)
    for number, units in enumerate([*hidden, *reversed(hidden[:-1])], start=1):
        initializer = keras.initializers.GlorotUniform(seed=next(seeds))
        h = keras.layers.Dense(units, activation=activation, kernel_initializer=initializer, name=f"hidden_{number}")(h)
        if number == len(hidden):
            code = h  # (B, hidden[-1])
        if dropout > 0:
            h = keras.layers.Dropout(dropout, seed=next(seeds), name=f"dropout_{number}")(h)
    initializer = keras.initializers.GlorotUniform(seed=next(seeds))
    reconstruction = keras.layers.Dense(
        layout.width, activation=output_activation, kernel_initializer=initializer, name=RECONSTRUCTION
    )(h)  # (B, width)
    return keras.Model(inputs, {RECONSTRUCTION: reconstruction, CODE: code}, name="autoencoder")


def inputs_of(features: Features) -> dict[str, np.ndarray]:
    """Return the features as inputs of the network, Keras' or ONNX'; one of width 0 does not exist."""
    inputs = {NUMBERS: features.numbers, SLOTS: features.slots}
    return {name: values for name, values in inputs.items() if values.shape[1]}


def step_operations(layout: Layout, hidden: Sequence[int], batch_size: int) -> float:
    """Return the floating point operations of the products of one training step.

    Two a weight and row forward, and four backward: for the gradient of the weight and for that of its input, which the
    first layer does not need. A slot that is gathered costs no product there.
    """
    widths = [len(FirstLayer(layout).multiplied), *hidden, *reversed(hidden[:-1]), layout.width]
    weights = [a * b for a, b in pairwise(widths)]
    return batch_size * (6.0 * sum(weights) - 2.0 * weights[0])
