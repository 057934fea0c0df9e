from dataclasses import replace

import numpy as np
import pytest

from algorithms.autoencoder import program
from algorithms.autoencoder.backend import tf
from algorithms.autoencoder.network import build_network, inputs_of
from algorithms.autoencoder.program import Program, Schedule, Shape, program_for, rows_of
from algorithms.tabular.features import Features
from tests.algorithms.autoencoder.layouts import LAYOUTS, MIXED, SPELLED_OUT, features

HIDDEN = (5, 3)


def shape(layout, **others):
    plain = {"activation": "tanh", "output_activation": "linear", "dropout": 0.0, "noise": 0.0, "trim": 0.0}
    sizes = {"batch_size": 8, "shards": 2}
    return Shape(layout, HIDDEN, **{**plain, **sizes, **others})


def schedule(layout, rate=0.01):
    return Schedule(seed=0, learning_rate=rate, decay_steps=np.inf, noise_unit=np.ones(layout.numbers, np.float32))


@pytest.fixture
def traces(monkeypatch):
    """Count how often a step is traced, from no idle programs on."""
    traced = []
    original = program.training_loss

    def counted(*arguments):
        traced.append(1)
        return original(*arguments)

    monkeypatch.setattr(program, "training_loss", counted)
    monkeypatch.setattr(program, "_idle", type(program._idle)())
    return traced


def run(chosen, layout, rows):
    with program_for(chosen) as lent:
        lent.start(build_network(layout, HIDDEN).get_weights())
        for count in rows:
            lent.train(rows_of(features(layout, count)), 0, schedule(layout))
        return lent.weights()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_weights_go_in_and_come_out_as_they_are(layout):
    weights = build_network(layout, HIDDEN, seed=3).get_weights()
    one = Program(shape(layout))
    one.start(weights)
    assert all(np.array_equal(a, b) for a, b in zip(one.weights(), weights, strict=True))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_rows_are_copied_into_tensors_only_where_their_memory_is_not_aligned(layout):
    rows = features(layout, 40)
    target = Features.empty(80, layout)
    aligned, shifted = target[:40], target[39:79]  # 39 rows of any layout here are no multiple of the alignment
    for part in (shifted, aligned):
        rows.take_into(np.arange(40), part)
        for tensor, values, given in zip(
            rows_of(part), (part.numbers, part.slots), (rows.numbers, rows.slots), strict=True
        ):
            assert tensor.dtype == values.dtype
            assert np.array_equal(tensor.numpy(), given)
            in_place = np.shares_memory(np.from_dlpack(tensor), values)
            assert in_place == (part is aligned and values.size > 0)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_its_error_is_that_of_keras(layout):
    network, rows = build_network(layout, HIDDEN, activation="tanh"), features(layout)
    one = Program(shape(layout))
    one.start(network.get_weights())
    reconstruction = network(inputs_of(rows))["reconstruction"].numpy()
    assert one.error(rows_of(rows)) == pytest.approx(np.square(reconstruction - rows.dense(layout)).mean(), rel=1e-5)


def test_chunks_of_any_size_and_a_second_training_of_the_same_shape_are_traced_once(traces):
    first = run(shape(MIXED), MIXED, [16, 8, 40, 13])
    second = run(shape(MIXED), MIXED, [16, 8, 40, 13])
    assert len(traces) == 1
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_another_seed_rate_or_noise_unit_needs_no_other_trace(traces):
    with program_for(shape(SPELLED_OUT, noise=1.0)) as lent:
        for seed, rate, steps in ((1, 0.1, 10.0), (2, 0.2, np.inf)):
            lent.start(build_network(SPELLED_OUT, HIDDEN).get_weights())
            chosen = Schedule(seed, rate, steps, np.full(3, seed, np.float32))
            lent.train(rows_of(features(SPELLED_OUT)), 5, chosen)
    assert len(traces) == 1


def test_another_shape_is_another_program(traces):
    run(shape(MIXED), MIXED, [8])
    run(replace(shape(MIXED), trim=0.5), MIXED, [8])
    assert len(traces) == 2


def test_a_program_that_is_lent_is_not_lent_again():
    with program_for(shape(MIXED)) as first, program_for(shape(MIXED)) as second:
        assert first is not second


def test_few_programs_wait_for_another_training(monkeypatch):
    monkeypatch.setattr(program, "_idle", type(program._idle)())
    for batch_size in range(1, program.MOST_IDLE + 4):
        with program_for(shape(MIXED, batch_size=batch_size)):
            pass
    assert [kept.batch_size for kept in program._idle] == [4, 5, 6, 7]


def test_a_program_starts_anew_without_the_moments_of_the_last_run():
    one, rows = Program(shape(SPELLED_OUT)), rows_of(features(SPELLED_OUT))
    weights = build_network(SPELLED_OUT, HIDDEN).get_weights()

    def trained():
        one.start(weights)
        one.train(rows, 0, schedule(SPELLED_OUT))
        return one.weights()

    first, second = trained(), trained()
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_the_step_sizes_are_those_of_adam_with_bias_correction():
    steps = np.array([0, 1, 9])
    rates = program._adam_rates(tf.constant(steps, tf.int64), tf.constant(0.01), tf.constant(20.0)).numpy()
    corrected = np.sqrt(1 - 0.999 ** (steps + 1.0)) / (1 - 0.9 ** (steps + 1.0))
    assert rates == pytest.approx(0.01 * 0.5 * (1 + np.cos(np.pi * steps / 20)) * corrected, rel=1e-6)
