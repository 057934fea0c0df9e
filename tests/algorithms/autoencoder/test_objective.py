import numpy as np
import pytest

from algorithms.autoencoder.backend import tf
from algorithms.autoencoder.objective import corrupt, dropout_mask, training_loss

SEED, STEP = tf.constant(0, tf.int64), tf.constant(0, tf.int64)


def test_the_loss_is_the_mean_of_the_errors():
    assert float(training_loss(tf.constant([2.5, 2.0]), 0.0)) == pytest.approx(2.25)


def test_trimming_leaves_the_worst_rows_out_of_the_loss_and_of_the_gradient():
    errors = tf.Variable([1.0, 4.0, 9.0, 100.0, 16.0])
    with tf.GradientTape() as tape:
        loss = training_loss(errors, 0.2)
    assert float(loss) == pytest.approx((1 + 4 + 9 + 16) / 4)
    assert tape.gradient(loss, errors).numpy() == pytest.approx([0.25, 0.25, 0.25, 0, 0.25])


@pytest.mark.parametrize(("rows", "trim", "counted"), [(1, 0.99, 1), (10, 0.2, 8), (3, 0.2, 3), (128, 0.2, 103)])
def test_trimming_keeps_the_rounded_up_rest(rows, trim, counted):
    errors = np.arange(1, rows + 1, dtype=np.float32)
    assert float(training_loss(tf.constant(errors), trim)) == pytest.approx(errors[:counted].mean(), rel=1e-5)


def test_noise_is_in_the_unit_of_each_feature():
    clean = tf.zeros((20_000, 3))
    noise = corrupt(clean, tf.constant([1.0, 0.0, 10.0]), 1.5, SEED, STEP).numpy()
    assert not noise[:, 1].any()
    assert noise[:, 2].std() == pytest.approx(10 * noise[:, 0].std(), rel=0.05)
    assert abs(noise[:, 0].mean()) < 0.02


def test_each_row_has_its_own_sigma_between_the_smallest_and_the_largest():
    noise = corrupt(tf.zeros((2000, 1000)), tf.ones(1000), 1.5, SEED, STEP).numpy()
    sigmas = noise.std(axis=1)
    assert sigmas.min() == pytest.approx(0.05, rel=0.15)
    assert sigmas.max() == pytest.approx(1.5, rel=0.15)
    assert np.median(sigmas) == pytest.approx(np.sqrt(0.05 * 1.5), rel=0.1)  # uniform in the logarithm


def test_a_largest_noise_below_the_usual_smallest_is_the_only_one():
    noise = corrupt(tf.zeros((50, 2000)), tf.ones(2000), 0.01, SEED, STEP).numpy()
    assert noise.std(axis=1) == pytest.approx(np.full(50, 0.01), rel=0.1)


def test_noise_differs_between_steps_and_seeds_and_repeats():
    clean = tf.zeros((4, 3))

    def noise(seed, step):
        return corrupt(clean, tf.ones(3), 1.0, *tf.constant([seed, step], tf.int64)).numpy()

    assert np.array_equal(noise(1, 1), noise(1, 1))
    assert not np.array_equal(noise(1, 1), noise(1, 2))
    assert not np.array_equal(noise(1, 1), noise(2, 1))


def test_no_noise_changes_nothing():
    clean = tf.random.stateless_normal((4, 3), (0, 0))
    assert corrupt(clean, tf.ones(3), 0.0, SEED, STEP) is clean


def mask(rows=400, units=101, rate=0.2, layer=0, seed=0, step=0):
    return dropout_mask(rows, units, rate, layer, *tf.constant([seed, step], tf.int64)).numpy()


def test_dropout_drops_its_share_and_keeps_the_mean():
    assert (mask(2000) == 0).mean() == pytest.approx(0.2, abs=0.005)
    assert mask(2000).mean() == pytest.approx(1.0, abs=0.01)
    assert len(np.unique(mask())) == 2


@pytest.mark.parametrize("rate", [1e-9, 1 - 1e-9])
def test_dropout_of_almost_none_or_almost_all_is_finite(rate):
    assert np.isfinite(mask(rate=rate)).all()


def test_dropout_differs_between_units_rows_layers_steps_and_seeds_and_repeats():
    first = mask()
    assert np.array_equal(first, mask())
    assert len(np.unique(first, axis=0)) == 400
    assert len(np.unique(first, axis=1).T) == 101
    for other in (mask(layer=1), mask(seed=1), mask(step=1)):
        assert not np.array_equal(first, other)
