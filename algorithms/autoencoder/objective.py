"""What a training step minimises: the error of reconstructing clean rows from noisy ones, the worst left out."""

import math
from typing import Any

import numpy as np

from algorithms.autoencoder.backend import tf

SMALLEST_NOISE = 0.05
SIGMA, NOISE = 2, 3
"""Random streams of the noise."""


def corrupt(clean: Any, unit: Any, largest: float, seed: int, step: Any) -> Any:
    """Return clean + σ·ε, σ in units of each feature ~ LogUniform(0.05, largest) for each row; `largest` 0 is no noise.

    A spread of σ makes one network see through little and much noise.

    Shapes:
        clean: (B, width) float32, unit: (width,) standard deviations, 0 for features that get no noise
        step: scalar int64, different for every batch
        returns (B, width)
    """
    if largest == 0:
        return clean
    low, high = math.log(min(SMALLEST_NOISE, largest)), math.log(largest)
    shape = tf.shape(clean)
    u = tf.random.stateless_uniform((shape[0], 1), _stream(seed, SIGMA, step))
    sigma = tf.exp(low + (high - low) * u)  # (B, 1)
    return clean + sigma * unit * tf.random.stateless_normal(shape, _stream(seed, NOISE, step))


def training_loss(reconstruction: Any, clean: Any, trim: float) -> Any:
    """Return the mean squared error of the rows (B, width), without the share `trim` of rows that have the largest.

    At least one row always counts.
    """
    errors = tf.reduce_mean(tf.math.squared_difference(reconstruction, clean), axis=1)  # (B,)
    if trim > 0:
        rows = tf.cast(tf.shape(errors)[0], tf.float32)
        kept = tf.maximum(tf.cast(tf.math.ceil(rows * np.float32(1 - trim)), tf.int32), 1)
        errors = -tf.math.top_k(-errors, kept).values
    return tf.reduce_mean(errors)


def _stream(seed: int, stream: int, step: Any) -> Any:
    return tf.stack([tf.constant(seed * 8 + stream, tf.int64), step])
