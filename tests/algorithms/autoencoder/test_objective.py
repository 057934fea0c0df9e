import numpy as np
import pytest

from algorithms.autoencoder.backend import tf
from algorithms.autoencoder.objective import corrupt, training_loss

STEP = tf.constant(0, tf.int64)


def test_the_loss_is_the_mean_squared_error():
    reconstruction = tf.constant([[1.0, 2.0], [0.0, 0.0]])
    clean = tf.constant([[0.0, 0.0], [0.0, 2.0]])
    assert float(training_loss(reconstruction, clean, 0.0)) == pytest.approx((1 + 4 + 0 + 4) / 4)


def test_trimming_leaves_the_worst_rows_out_of_the_loss_and_of_the_gradient():
    reconstruction = tf.Variable([[1.0], [2.0], [3.0], [10.0], [4.0]])
    with tf.GradientTape() as tape:
        loss = training_loss(reconstruction, tf.zeros((5, 1)), 0.2)
    assert float(loss) == pytest.approx((1 + 4 + 9 + 16) / 4)
    assert tape.gradient(loss, reconstruction)[:, 0].numpy() == pytest.approx([0.5, 1.0, 1.5, 0.0, 2.0])


@pytest.mark.parametrize(("rows", "trim", "counted"), [(1, 0.99, 1), (10, 0.2, 8), (3, 0.2, 3), (128, 0.2, 103)])
def test_trimming_keeps_the_rounded_up_rest(rows, trim, counted):
    errors = np.arange(1, rows + 1, dtype=np.float32)
    expected = np.square(errors[:counted]).mean()
    loss = training_loss(tf.constant(errors[:, None]), tf.zeros((rows, 1)), trim)
    assert float(loss) == pytest.approx(expected, rel=1e-5)


def test_noise_reaches_numeric_features_only_and_is_in_their_unit():
    clean = tf.zeros((20_000, 3))
    noise = corrupt(clean, tf.constant([1.0, 0.0, 10.0]), 1.5, seed=0, step=STEP).numpy()
    assert not noise[:, 1].any()
    assert noise[:, 2].std() == pytest.approx(10 * noise[:, 0].std(), rel=0.05)
    assert abs(noise[:, 0].mean()) < 0.02


def test_each_row_has_its_own_sigma_between_the_smallest_and_the_largest():
    noise = corrupt(tf.zeros((2000, 1000)), tf.ones(1000), 1.5, seed=0, step=STEP).numpy()
    sigmas = noise.std(axis=1)
    assert sigmas.min() == pytest.approx(0.05, rel=0.15)
    assert sigmas.max() == pytest.approx(1.5, rel=0.15)
    assert np.median(sigmas) == pytest.approx(np.sqrt(0.05 * 1.5), rel=0.1)  # uniform in the logarithm


def test_a_largest_noise_below_the_usual_smallest_is_the_only_one():
    noise = corrupt(tf.zeros((50, 2000)), tf.ones(2000), 0.01, seed=0, step=STEP).numpy()
    assert noise.std(axis=1) == pytest.approx(np.full(50, 0.01), rel=0.1)


def test_noise_differs_between_steps_and_seeds_and_repeats():
    clean = tf.zeros((4, 3))

    def noise(seed, step):
        return corrupt(clean, tf.ones(3), 1.0, seed, tf.constant(step, tf.int64)).numpy()

    assert np.array_equal(noise(1, 1), noise(1, 1))
    assert not np.array_equal(noise(1, 1), noise(1, 2))
    assert not np.array_equal(noise(1, 1), noise(2, 1))


def test_no_noise_changes_nothing():
    clean = tf.random.stateless_normal((4, 3), (0, 0))
    assert corrupt(clean, tf.ones(3), 0.0, 0, STEP) is clean
