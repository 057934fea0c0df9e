"""What a training step minimises: the error of reconstructing clean rows from noisy ones, the worst left out."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from algorithms.autoencoder.backend import tf

SMALLEST_NOISE = 0.05
SIGMA, NOISE, DROPOUT = 0, 1, 2
"""Random streams of a step."""
STREAMS = 3
CHANCES = 256


def draw_noise(rows: Any, unit: Any, largest: float, seed: Any, step: Any) -> Any:
    """Return noise σ·ε for each row, σ in units of each feature ~ LogUniform(0.05, largest), largest > 0.

    A spread of σ makes one network see through little and much noise. The ε of a batch's second half are those of the
    first with the other sign (antithetic variates): drawing normal numbers takes as long as a layer's arithmetic.

    Shapes:
        unit: (d,) standard deviations
        seed, step: scalars int64, step different for every batch
        returns (rows, d)
    """
    low, high = math.log(min(SMALLEST_NOISE, largest)), math.log(largest)
    u = tf.random.stateless_uniform((rows, 1), _stream(seed, SIGMA, step))
    sigma = tf.exp(low + (high - low) * u)  # (rows, 1)
    half = tf.random.stateless_normal(((rows + 1) // 2, unit.shape[0]), _stream(seed, NOISE, step))
    return sigma * unit * tf.concat([half, -half], axis=0)[:rows]


def draw_masks(rows: Any, widths: Sequence[int], rate: float, seed: Any, step: Any) -> list[Any]:
    """Return what to multiply layers (rows, width) with: 0 with the probability `rate`, else what keeps the mean.

    Eight random bits decide, so the probability is rounded to a multiple of 1/256, but never to 0 or 1. A row's bits
    are drawn once: in the next layer it has those of the row after it, so that no row uses any of them twice.
    """
    dropped = min(max(round(rate * CHANCES), 1), CHANCES - 1)
    words = (max(widths) + 3) // 4
    drawn = tf.random.stateless_uniform(
        (rows + len(widths) - 1, words), _stream(seed, DROPOUT, step), None, None, tf.uint32
    )
    kept = tf.reshape(tf.bitcast(drawn, tf.uint8), (-1, 4 * words)) >= dropped
    scale = CHANCES / (CHANCES - dropped)
    return [scale * tf.cast(kept[i : i + rows, :width], tf.float32) for i, width in enumerate(widths)]


def training_loss(differences: Sequence[Any], rows: Any, trim: float) -> tuple[Any, list[Any]]:
    """Return the mean squared error without the share `trim` of rows that have the largest, and its gradient.

    At least one row always counts, and so does one whose error equals that of the last one that counts. The gradient is
    written out: the tape would take thrice the operations, which a step of ten rows feels.

    Shapes:
        differences: of reconstruction and target, parts (B_i, width) of a batch of so many rows
        returns the loss and its gradients for the differences (B_i, width)
    """
    width = differences[0].shape[1]
    if trim == 0:
        scale = 2.0 / (width * tf.cast(rows, tf.float32))
        return scale * tf.add_n([tf.nn.l2_loss(part) for part in differences]), [scale * part for part in differences]
    errors = [tf.reduce_sum(tf.square(part), axis=1) for part in differences]
    everything = tf.concat(errors, axis=0)  # (B,)
    kept = tf.maximum(tf.cast(tf.math.ceil(tf.cast(rows, tf.float32) * np.float32(1 - trim)), tf.int32), 1)
    largest = -tf.reduce_min(tf.math.top_k(-everything, kept, sorted=False).values)
    counts = [tf.cast(part <= largest, tf.float32) for part in errors]
    scale = 1.0 / (width * tf.add_n([tf.reduce_sum(part) for part in counts]))
    loss = scale * tf.add_n([tf.tensordot(count, error, 1) for count, error in zip(counts, errors, strict=True)])
    gradients = [(2.0 * scale) * count[:, None] * part for count, part in zip(counts, differences, strict=True)]
    return loss, gradients


def _stream(seed: Any, stream: int, step: Any) -> Any:
    return tf.stack([seed, step * STREAMS + stream])
