from dataclasses import replace

import numpy as np
import pytest

from algorithms.autoencoder import program, training
from algorithms.autoencoder.backend import keras, tf
from algorithms.autoencoder.network import build_network, inputs_of
from algorithms.autoencoder.objective import draw_masks, draw_noise
from algorithms.autoencoder.params import AutoencoderParams
from algorithms.autoencoder.recipe import resolve_recipe
from algorithms.autoencoder.spool import MemorySpool
from algorithms.errors import DataError
from algorithms.tabular.features import Features, Layout
from algorithms.tabular.params import TabularFeederParams
from tests.algorithms.autoencoder.layouts import LAYOUTS, MIXED, NUMBERS, SPELLED_OUT, features


def recipe(rows=50, **params):
    plain = {"hidden": (5, 3), "dropout": 0, "trim": 0, "epochs": 3, "batch_size": 8}
    resolved = resolve_recipe(AutoencoderParams(**{**plain, **params}), TabularFeederParams(), rows=rows)
    return replace(resolved, learning_rate_decay="none")


def build(layout, chosen):
    return build_network(layout, chosen.hidden, activation=chosen.activation, dropout=chosen.dropout)


def train(network, rows, chosen, *, layout=NUMBERS, held_out=None, unit=None, **options):
    """Train on rows in memory, by default without held-out rows and without noise."""
    spool = MemorySpool(rows, layout, batch_size=chosen.batch_size, seed=chosen.seed)
    held_out = Features.empty(0, layout) if held_out is None else held_out
    unit = np.zeros(layout.numbers, np.float32) if unit is None else unit
    return training.train(network, layout, spool, held_out, unit, chosen, **options)


def error(network, rows, layout=NUMBERS):
    return np.square(network(inputs_of(rows))["reconstruction"].numpy() - rows.dense(layout)).mean()


def of(values):
    return Features(np.asarray(values, np.float32), np.empty((len(values), 0), np.int32))


class Chunks:
    """Rows in their order, in chunks of the given numbers of batches and a last one of the rest."""

    def __init__(self, rows, batch_size, *batches):
        self.rows, self.ends = rows, np.cumsum(batches, dtype=int) * batch_size
        self.count = len(rows)

    def chunks(self, epoch):
        for start, end in zip([0, *self.ends], [*self.ends, self.count], strict=True):
            yield self.rows[start:end]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_one_full_batch_step_is_the_step_of_keras_adam_on_the_features_spelled_out(layout, activation):
    rows, chosen = features(layout), recipe(epochs=4, batch_size=50, learning_rate=0.02, activation=activation)
    ours, theirs = build(layout, chosen), build(layout, chosen)
    train(ours, rows, chosen, layout=layout, shards=2)

    optimizer, dense = keras.optimizers.Adam(0.02), rows.dense(layout)
    for _ in range(4):
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(theirs(inputs_of(rows), training=True)["reconstruction"] - dense))
        optimizer.apply(tape.gradient(loss, theirs.trainable_variables), theirs.trainable_variables)
    for mine, keras_own in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        assert mine == pytest.approx(keras_own, abs=1e-5)


def test_inputs_get_noise_and_hidden_layers_drop_out_while_the_target_stays_clean():
    rows = features(NUMBERS)
    chosen = recipe(epochs=1, batch_size=50, dropout=0.3, noise=1.0, learning_rate=0.02)
    network = build_network(NUMBERS, chosen.hidden)
    unit = np.linspace(0.5, 2, 6, dtype=np.float32)
    weights = [tf.Variable(values) for values in network.get_weights()]
    training.train(network, NUMBERS, Chunks(rows, 50), Features.empty(0, NUMBERS), unit, chosen)

    noise = draw_noise(50, unit, 1.0, tf.constant(0, tf.int64), tf.constant(0, tf.int64))
    masks = draw_masks(50, [5, 3, 5], 0.3, tf.constant(0, tf.int64), tf.constant(0, tf.int64))
    with tf.GradientTape() as tape:
        h = rows.numbers + noise
        for kernel, bias, mask in zip(weights[:-2:2], weights[1:-2:2], masks, strict=True):
            h = tf.nn.relu(h @ kernel + bias) * mask
        loss = tf.reduce_mean(tf.square(h @ weights[-2] + weights[-1] - rows.numbers))
    keras.optimizers.Adam(0.02).apply(tape.gradient(loss, weights), weights)
    for mine, expected in zip(network.get_weights(), weights, strict=True):
        assert mine == pytest.approx(expected.numpy(), abs=1e-5)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_reported_loss_is_the_mean_over_all_rows_also_of_a_partial_batch(layout):
    network, rows = build_network(layout, (5, 3)), features(layout, rows=19)
    expected = error(network, rows, layout)
    still = replace(recipe(rows=19, epochs=1), learning_rate=0.0)
    history = train(network, rows, still, layout=layout).history
    assert history[0].loss == pytest.approx(expected, rel=1e-5)
    assert history[0].val_loss is None


@pytest.mark.parametrize(("limit", "value"), [("HELD_OUT_ROWS", 7), ("HELD_OUT_VALUES", 500)])
@pytest.mark.parametrize("layout", [NUMBERS, MIXED])
def test_the_held_out_loss_is_the_mean_over_all_held_out_rows(monkeypatch, layout, limit, value):
    monkeypatch.setattr(program, limit, value)
    monkeypatch.setattr(program, "_idle", type(program._idle)())
    network, held_out = build_network(layout, (5, 3)), features(layout, rows=17, seed=1)
    history = train(network, features(layout), recipe(epochs=1), layout=layout, held_out=held_out).history
    assert history[0].val_loss == pytest.approx(error(network, held_out, layout), rel=1e-5)


def test_every_row_of_the_last_partial_batch_is_learned_from():
    data = np.zeros((9, 6), np.float32)
    data[4] = 1.0  # whichever batch it falls into, alone or not
    network = build_network(NUMBERS, (5, 3))
    train(network, of(data), recipe(rows=9, epochs=1, batch_size=4))
    assert network.get_weights()[-1].all()  # the bias of the output, zero until a row asks for more


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_loss_falls(layout):
    network = build_network(layout, (16, 8))
    chosen = recipe(rows=100, hidden=(16, 8), epochs=60, learning_rate=0.01)
    history = train(network, features(layout, 100), chosen, layout=layout).history
    assert history[-1].loss < 0.7 * history[0].loss


@pytest.mark.parametrize("layout", [NUMBERS, MIXED])
@pytest.mark.parametrize("params", [{}, {"dropout": 0.3, "noise": 1.5, "trim": 0.3}])
def test_the_same_seed_gives_the_same_weights_and_another_seed_others(params, layout):
    def weights(seed):
        chosen = recipe(**{**params, "seed": seed})
        network = build(layout, chosen)
        unit = np.ones(layout.numbers, np.float32)
        train(network, features(layout), chosen, layout=layout, held_out=features(layout, 10), unit=unit, shards=2)
        return [variable.numpy() for variable in network.trainable_variables]

    first, second, other = weights(3), weights(3), weights(4)
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert not np.array_equal(first[0], other[0])


@pytest.mark.parametrize("params", [{"trim": 0.3}, {"dropout": 0.3, "noise": 1.5}])
def test_chunks_change_nothing(params):
    def weights(*batches):
        chosen = recipe(**params)
        network = build(SPELLED_OUT, chosen)
        spool = Chunks(features(SPELLED_OUT), 8, *batches)
        training.train(network, SPELLED_OUT, spool, Features.empty(0, SPELLED_OUT), np.ones(3, np.float32), chosen)
        return [variable.numpy() for variable in network.trainable_variables]

    whole = weights()
    for batches in [(1, 1), (2, 4), (6,)]:
        assert all(np.array_equal(a, b) for a, b in zip(whole, weights(*batches), strict=True))


@pytest.mark.parametrize(("layout", "shards"), [(SPELLED_OUT, 2), (MIXED, 3), (SPELLED_OUT, 16)])
def test_shards_change_nothing_but_rounding(layout, shards):
    def weights(shards):
        chosen = recipe(trim=0.3, dropout=0.2, noise=1.0)
        network = build(layout, chosen)
        unit = np.ones(layout.numbers, np.float32)
        train(network, features(layout), chosen, layout=layout, unit=unit, shards=shards)
        return [variable.numpy() for variable in network.trainable_variables]

    for whole, split in zip(weights(1), weights(shards), strict=True):
        assert split == pytest.approx(whole, abs=1e-5)


def test_a_batch_is_shared_only_when_every_thread_gets_enough():
    assert training.shards_for(2, 4e6) == 1
    assert training.shards_for(2, 100e6) == 2
    assert training.shards_for(16, 100e6) == 5
    assert training.shards_for(1, 1e12) == 1


def test_cosine_decay_ends_near_zero():
    chosen = replace(recipe(epochs=40), learning_rate_decay="cosine", learning_rate=0.05)
    losses = [epoch.loss for epoch in train(build(NUMBERS, chosen), features(NUMBERS), chosen).history]
    assert abs(losses[-1] - losses[-2]) < 0.05 * abs(losses[1] - losses[0])


def test_each_epoch_is_reported_with_what_is_left():
    seen = []
    held_out = features(NUMBERS, 10, 1)
    train(build_network(NUMBERS, (5, 3)), features(NUMBERS), recipe(), held_out=held_out, on_epoch=seen.append)
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

        return compute

    chosen, held_out = recipe(epochs=4), features(NUMBERS, 10, 1)
    monkeypatch.setattr(training.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(program.Program, "train", taking(2.0))
    monkeypatch.setattr(program.Program, "error", taking(3.0))
    done = train(build_network(NUMBERS, (5, 3)), features(NUMBERS), chosen, held_out=held_out)
    assert [epoch.rows_per_second for epoch in done.history] == [25.0] * 4
    assert [epoch.seconds_left for epoch in done.history] == [15.0, 10.0, 5.0, 0.0]


def test_early_stopping_restores_the_best_epoch(monkeypatch):
    monkeypatch.setattr(training, "PATIENCE", 3)
    held_out = of(3 * features(NUMBERS, rows=30, seed=1).numbers)
    network = build_network(NUMBERS, (32, 16))
    chosen = recipe(rows=12, hidden=(32, 16), epochs=500, learning_rate=0.02, early_stopping=True)
    done = train(network, features(NUMBERS, rows=12), chosen, held_out=held_out)
    losses = [epoch.val_loss for epoch in done.history]
    assert len(losses) < 500
    assert done.best_epoch == int(np.argmin(losses)) + 1 == len(losses) - 3
    assert error(network, held_out) == pytest.approx(min(losses), rel=1e-5)


def test_a_training_that_diverges_names_the_learning_rate():
    rows = of(1e20 * features(NUMBERS).numbers)
    with pytest.raises(DataError, match=r"diverged: .*lower learning_rate \(now 10\)") as caught:
        train(build_network(NUMBERS, (5, 3)), rows, recipe(learning_rate=10))
    assert list(caught.value.errors) == ["learning_rate"]


def test_an_error_of_the_spool_ends_the_training():
    class Broken:
        count = 50

        def chunks(self, epoch):
            yield features(NUMBERS, 8)
            raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        training.train(
            build_network(NUMBERS, (5, 3)), NUMBERS, Broken(), Features.empty(0, NUMBERS), np.zeros(6, "f4"), recipe()
        )


@pytest.mark.skipif(not tf.config.list_physical_devices("GPU"), reason="there is no GPU")
@pytest.mark.parametrize("layout", [NUMBERS, SPELLED_OUT, MIXED, Layout(0, (300,))])
def test_a_gpu_learns_what_the_processor_learns(layout):
    def weights(device):
        with tf.device(device):
            chosen = recipe(trim=0.3)
            network = build(layout, chosen)
            train(network, features(layout), replace(chosen, trim=0.3), layout=layout)
        return network.get_weights()

    program._idle.clear()
    on_gpu = weights("GPU:0")
    program._idle.clear()
    for theirs, ours in zip(weights("CPU:0"), on_gpu, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-3)
