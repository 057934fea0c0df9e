from dataclasses import replace

import numpy as np
import pytest

from algorithms.autoencoder import training
from algorithms.autoencoder.backend import keras, tf
from algorithms.autoencoder.network import build_network
from algorithms.autoencoder.params import AutoencoderParams
from algorithms.autoencoder.recipe import resolve_recipe
from algorithms.autoencoder.training import train
from algorithms.errors import DataError
from algorithms.tabular.params import TabularFeederParams

WIDTH = 6
NO_NOISE = np.zeros(WIDTH, np.float32)


def features(rows=50, seed=0):
    return np.random.default_rng(seed).normal(size=(rows, WIDTH)).astype(np.float32)


def recipe(rows=50, **params):
    plain = {"hidden": (5, 3), "dropout": 0, "trim": 0, "epochs": 3, "batch_size": 8}
    return resolve_recipe(AutoencoderParams(**{**plain, **params}), TabularFeederParams(), rows=rows)


def test_one_full_batch_step_is_the_step_of_keras_adam():
    ours, theirs = build_network(WIDTH, (5, 3)), build_network(WIDTH, (5, 3))
    data = features()
    train(ours, data, data[:0], NO_NOISE, recipe(epochs=4, batch_size=50, learning_rate=0.02))

    optimizer = keras.optimizers.Adam(0.02)
    for _ in range(4):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(theirs(data, training=True)["reconstruction"] - data))
        optimizer.apply(tape.gradient(loss, theirs.trainable_variables), theirs.trainable_variables)
    for mine, keras_own in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        assert mine == pytest.approx(keras_own, abs=1e-5)


def test_the_reported_loss_is_the_mean_over_all_rows_also_of_a_partial_batch():
    network, data = build_network(WIDTH, (5, 3)), features(rows=19)
    expected = np.square(network(data)["reconstruction"].numpy() - data).mean()
    still = replace(recipe(rows=19, epochs=1), learning_rate=0.0)
    history = train(network, data, data[:0], NO_NOISE, still).history
    assert history[0].loss == pytest.approx(expected, rel=1e-5)
    assert history[0].val_loss is None


def test_the_held_out_loss_is_the_mean_over_all_held_out_rows(monkeypatch):
    monkeypatch.setattr(training, "HELD_OUT_ROWS", 7)
    network, held_out = build_network(WIDTH, (5, 3)), features(rows=17, seed=1)
    history = train(network, features(), held_out, NO_NOISE, recipe(epochs=1)).history
    expected = np.square(network(held_out)["reconstruction"].numpy() - held_out).mean()
    assert history[0].val_loss == pytest.approx(expected, rel=1e-5)


def test_every_row_of_the_last_partial_batch_is_learned_from():
    data = np.zeros((9, WIDTH), np.float32)
    data[4] = 1.0  # whichever batch it falls into, alone or not
    network = build_network(WIDTH, (5, 3))
    train(network, data, data[:0], NO_NOISE, recipe(rows=9, epochs=1, batch_size=4))
    assert network.get_weights()[-1].all()  # the bias of the output, zero until a row asks for more


def test_the_loss_falls():
    data = features(rows=200)
    data[:, 3:] = data[:, :3]
    network = build_network(WIDTH, (5, 3))
    history = train(network, data, features(20, 1), NO_NOISE, recipe(rows=200, epochs=60, learning_rate=0.01)).history
    assert history[-1].loss < 0.3 * history[0].loss


@pytest.mark.parametrize(
    "params", [{}, {"dropout": 0.3}, {"noise": 1.5}, {"trim": 0.3}, {"recipe": "clean", "dropout": None, "trim": None}]
)
def test_the_same_seed_gives_the_same_weights_and_another_seed_others(params):
    def weights(seed):
        chosen = recipe(**{**params, "seed": seed})
        network = build_network(WIDTH, (5, 3), dropout=chosen.dropout, seed=7)
        train(network, features(), features(10, 1), np.ones(WIDTH, np.float32), chosen, shards=2)
        return network.get_weights()

    first, second, other = weights(3), weights(3), weights(4)
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert not np.array_equal(first[0], other[0])


@pytest.mark.parametrize("shards", [2, 3, 16])
def test_shards_change_nothing_but_rounding(shards):
    def weights(shards):
        network = build_network(WIDTH, (5, 3))
        train(network, features(), features(10, 1), NO_NOISE, recipe(trim=0.3), shards=shards)
        return network.get_weights()

    for whole, split in zip(weights(1), weights(shards), strict=True):
        assert split == pytest.approx(whole, abs=1e-5)


def test_a_batch_is_shared_only_when_every_thread_gets_enough():
    assert training.shards_for(2, 4e6) == 1
    assert training.shards_for(2, 100e6) == 2
    assert training.shards_for(16, 100e6) == 5
    assert training.shards_for(1, 1e12) == 1


def test_the_graph_of_an_epoch_is_traced_once(monkeypatch):
    traces = []
    original = training.training_loss

    def counted(*args):
        traces.append(1)
        return original(*args)

    monkeypatch.setattr(training, "training_loss", counted)
    train(build_network(WIDTH, (5, 3)), features(), features(10, 1), NO_NOISE, recipe(epochs=5))
    assert len(traces) == 1


def test_cosine_decay_ends_near_zero():
    data = features()
    chosen = replace(recipe(epochs=40), learning_rate_decay="cosine", learning_rate=0.05)
    weights = []
    network = build_network(WIDTH, (5, 3))
    train(network, data, data[:0], NO_NOISE, chosen, on_epoch=lambda epoch: weights.append(network.get_weights()[0]))
    first, last = np.abs(weights[1] - weights[0]).max(), np.abs(weights[-1] - weights[-2]).max()
    assert last < 0.05 * first


def test_each_epoch_is_reported_with_what_is_left():
    seen = []
    train(build_network(WIDTH, (5, 3)), features(), features(10, 1), NO_NOISE, recipe(), on_epoch=seen.append)
    assert [(e.epoch, e.epochs) for e in seen] == [(1, 3), (2, 3), (3, 3)]
    assert all(e.rows_per_second > 0 and e.val_loss > 0 for e in seen)
    assert seen[0].seconds_left > 0
    assert seen[-1].seconds_left == 0


def test_the_speed_is_that_of_training_and_the_time_left_that_of_held_out_passes_too(monkeypatch):
    now = [0.0]

    def taking(seconds):
        def compute(*_):
            now[0] += seconds
            return 1.0

        return lambda *_: compute

    monkeypatch.setattr(training.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(training, "_epoch_function", taking(2.0))
    monkeypatch.setattr(training, "_loss_function", taking(3.0))
    done = train(build_network(WIDTH, (5, 3)), features(rows=50), features(10, 1), NO_NOISE, recipe(epochs=4))
    assert [epoch.rows_per_second for epoch in done.history] == [25.0] * 4
    assert [epoch.seconds_left for epoch in done.history] == [15.0, 10.0, 5.0, 0.0]


def test_early_stopping_restores_the_best_epoch(monkeypatch):
    monkeypatch.setattr(training, "PATIENCE", 3)
    data, held_out = features(rows=12), 3 * features(rows=30, seed=1)
    network = build_network(WIDTH, (32, 16))
    chosen = recipe(rows=12, hidden=(32, 16), epochs=500, learning_rate=0.02, early_stopping=True)
    done = train(network, data, held_out, NO_NOISE, chosen)
    losses = [epoch.val_loss for epoch in done.history]
    assert len(losses) < 500
    assert done.best_epoch == int(np.argmin(losses)) + 1 == len(losses) - 3
    restored = np.square(network(held_out)["reconstruction"].numpy() - held_out).mean()
    assert restored == pytest.approx(min(losses), rel=1e-5)


def test_a_training_that_diverges_names_the_learning_rate():
    data = (1e18 * features()).astype(np.float32)
    with pytest.raises(DataError, match=r"diverged: .*lower learning_rate \(now 10\)") as caught:
        train(build_network(WIDTH, (5, 3)), 1e2 * data, data[:0], NO_NOISE, recipe(learning_rate=10))
    assert list(caught.value.errors) == ["learning_rate"]
