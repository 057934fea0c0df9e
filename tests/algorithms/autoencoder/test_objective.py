import numpy as np
import pytest

from algorithms.autoencoder.backend import tf
from algorithms.autoencoder.objective import draw_masks, draw_noise, training_loss


@pytest.mark.parametrize("trim", [0.0, 0.3, 0.9])
@pytest.mark.parametrize("rows", [(5,), (4, 3), (6, 0, 1)])
def test_the_loss_and_its_gradient_are_those_of_the_tape(rows, trim):
    parts = [tf.random.stateless_normal((count, 4), (count, 0)) for count in rows]
    with tf.GradientTape() as tape:
        tape.watch(parts)
        errors = tf.sort(tf.reduce_mean(tf.square(tf.concat(parts, axis=0)), axis=1))
        expected = tf.reduce_mean(errors[: int(np.ceil(sum(rows) * np.float32(1 - trim)))])
    loss, gradients = training_loss(parts, sum(rows), trim)
    assert float(loss) == pytest.approx(float(expected), rel=1e-5)
    for ours, theirs in zip(gradients, tape.gradient(expected, parts), strict=True):
        assert ours.numpy() == pytest.approx(theirs.numpy(), abs=1e-6)


def test_trimming_leaves_the_worst_rows_out():
    loss, (gradient,) = training_loss([tf.constant([[1.0], [2.0], [3.0], [10.0], [4.0]])], 5, 0.2)
    assert float(loss) == pytest.approx((1 + 4 + 9 + 16) / 4)
    assert gradient[:, 0].numpy() == pytest.approx([0.5, 1.0, 1.5, 0.0, 2.0])


def test_rows_that_tie_with_the_last_that_counts_count():
    loss, (gradient,) = training_loss([tf.constant([[1.0], [1.0], [1.0]])], 3, 0.5)
    assert float(loss) == 1.0
    assert gradient[:, 0].numpy() == pytest.approx([2 / 3] * 3)


@pytest.mark.parametrize(("rows", "trim", "counted"), [(1, 0.99, 1), (10, 0.2, 8), (3, 0.2, 3), (128, 0.2, 103)])
def test_trimming_keeps_the_rounded_up_rest(rows, trim, counted):
    errors = np.arange(1, rows + 1, dtype=np.float32)
    loss, _ = training_loss([tf.constant(errors[:, None])], rows, trim)
    assert float(loss) == pytest.approx(np.square(errors[:counted]).mean(), rel=1e-5)


def noise(rows, width, largest=1.5, unit=None, seed=0, step=0):
    unit = tf.ones(width) if unit is None else tf.constant(unit)
    return draw_noise(rows, unit, largest, *tf.constant([seed, step], tf.int64)).numpy()


def test_noise_is_in_the_unit_of_each_feature():
    drawn = noise(20_000, 3, unit=[1.0, 0.0, 10.0])
    assert not drawn[:, 1].any()
    assert drawn[:, 2].std() == pytest.approx(10 * drawn[:, 0].std(), rel=0.05)
    assert abs(drawn[:, 0].mean()) < 0.02


def test_each_row_has_its_own_sigma_between_the_smallest_and_the_largest():
    sigmas = noise(2000, 1000).std(axis=1)
    assert sigmas.min() == pytest.approx(0.05, rel=0.15)
    assert sigmas.max() == pytest.approx(1.5, rel=0.15)
    assert np.median(sigmas) == pytest.approx(np.sqrt(0.05 * 1.5), rel=0.1)  # uniform in the logarithm


def test_a_largest_noise_below_the_usual_smallest_is_the_only_one():
    assert noise(50, 2000, 0.01).std(axis=1) == pytest.approx(np.full(50, 0.01), rel=0.1)


def test_noise_differs_between_steps_and_seeds_and_repeats():
    assert np.array_equal(noise(4, 3, seed=1, step=1), noise(4, 3, seed=1, step=1))
    assert not np.array_equal(noise(4, 3, seed=1, step=1), noise(4, 3, seed=1, step=2))
    assert not np.array_equal(noise(4, 3, seed=1, step=1), noise(4, 3, seed=2, step=1))


def test_the_second_half_of_a_batch_has_the_noise_of_the_first_with_the_other_sign():
    drawn = noise(7, 3)
    direction = drawn / np.abs(drawn).max(axis=1, keepdims=True)
    assert direction[4:] == pytest.approx(-direction[:3], abs=1e-5)


def masks(rows=400, widths=(101, 101), rate=0.2, seed=0, step=0):
    return [mask.numpy() for mask in draw_masks(rows, widths, rate, *tf.constant([seed, step], tf.int64))]


def test_dropout_drops_its_share_and_keeps_the_mean():
    for mask, width in zip(masks(4000, (20, 7, 101), 0.25), (20, 7, 101), strict=True):
        assert mask.shape == (4000, width)
        assert len(np.unique(mask)) == 2
        assert (mask == 0).mean() == pytest.approx(0.25, abs=0.01)
        assert mask.mean() == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("rate", [1e-9, 1 - 1e-9])
def test_dropout_of_almost_none_or_almost_all_is_finite(rate):
    assert all(np.isfinite(mask).all() for mask in masks(rate=rate))


def test_units_rows_and_layers_of_a_row_are_dropped_independently():
    first, second = (mask - mask.mean() for mask in masks(20_000, (8, 8), 0.5))
    correlations = np.hstack([first, second]).T @ np.hstack([first, second]) / 20_000
    assert np.abs(correlations - np.eye(16)).max() < 0.04


def test_dropout_differs_between_steps_and_seeds_and_repeats():
    first = masks()[0]
    assert np.array_equal(first, masks()[0])
    assert len(np.unique(first, axis=0)) == 400
    for other in (masks(seed=1)[0], masks(step=1)[0]):
        assert not np.array_equal(first, other)
