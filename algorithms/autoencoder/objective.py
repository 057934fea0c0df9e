"""What a training step minimises: the error of reconstructing clean rows from noisy ones, the worst left out."""

import math
from typing import Any

import numpy as np

from algorithms.autoencoder.backend import tf

SMALLEST_NOISE = 0.05
SIGMA, NOISE, DROPOUT = 0, 1, 2
"""Random streams of a step; dropout has one for each layer, from `DROPOUT` on."""
STREAMS = 1 << 10
CHANCES = 1 << 16


def corrupt(clean: Any, unit: Any, largest: float, seed: Any, step: Any) -> Any:
    """Return clean + σ·ε, σ in units of each feature ~ LogUniform(0.05, largest) for each row; `largest` 0 is no noise.

    A spread of σ makes one network see through little and much noise.

    Shapes:
        clean: (B, d) float32, unit: (d,) standard deviations
        seed, step: scalars int64, step different for every batch
        returns (B, d)
    """
    if largest == 0:
        return clean
    low, high = math.log(min(SMALLEST_NOISE, largest)), math.log(largest)
    shape = tf.shape(clean)
    u = tf.random.stateless_uniform((shape[0], 1), _stream(seed, SIGMA, step))
    sigma = tf.exp(low + (high - low) * u)  # (B, 1)
    return clean + sigma * unit * tf.random.stateless_normal(shape, _stream(seed, NOISE, step))


def dropout_mask(rows: Any, units: int, rate: float, layer: int, seed: Any, step: Any) -> Any:
    """Return what to multiply a layer (rows, units) with: 0 with the probability `rate`, else what keeps the mean.

    The probability is rounded to a multiple of 1/65,536: sixteen random bits decide, half the cost of a random float.
    """
    dropped = min(round(rate * CHANCES), CHANCES - 1)
    words = tf.random.stateless_uniform(
        (rows, (units + 1) // 2), _stream(seed, DROPOUT + layer, step), None, None, tf.uint32
    )
    bits = tf.reshape(tf.bitcast(words, tf.uint16), (rows, -1))[:, :units]
    return tf.cast(bits >= dropped, tf.float32) * (CHANCES / (CHANCES - dropped))


def training_loss(errors: Any, trim: float) -> Any:
    """Return the mean of the rows' errors (B,), without the share `trim` of rows that have the largest.

    At least one row always counts.
    """
    if trim > 0:
        rows = tf.cast(tf.shape(errors)[0], tf.float32)
        kept = tf.maximum(tf.cast(tf.math.ceil(rows * np.float32(1 - trim)), tf.int32), 1)
        errors = -tf.math.top_k(-errors, kept, sorted=False).values
    return tf.reduce_mean(errors)


def _stream(seed: Any, stream: int, step: Any) -> Any:
    return tf.stack([seed, step * STREAMS + stream])
