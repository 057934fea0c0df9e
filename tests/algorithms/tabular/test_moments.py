import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from algorithms.tabular.moments import Moments, Sample, sample_size

FINITE = st.floats(allow_nan=False, allow_infinity=False)


def gathered(values, blocks):
    return sum((Moments.of(part) for part in np.array_split(np.asarray(values, dtype=float), blocks)), Moments())


@pytest.mark.parametrize("blocks", [1, 2, 7, 100])
@pytest.mark.parametrize(("mean", "deviation"), [(0, 1), (1e6, 1e-3), (-5, 1e12)])
def test_blocks_add_up_to_the_moments_of_all(blocks, mean, deviation):
    values = np.random.default_rng(0).normal(mean, deviation, 1000)
    moments = gathered(values, blocks)
    assert (moments.count, moments.low, moments.high) == (1000, values.min(), values.max())
    assert moments.mean == pytest.approx(values.mean(), rel=1e-13, abs=1e-13 * deviation)
    assert moments.deviation == pytest.approx(values.std(), rel=1e-7)


@pytest.mark.parametrize("unit", [1e300, 1e-300])
def test_enormous_and_tiny_numbers_neither_overflow_nor_vanish(unit):
    values = np.array([-1.5, 1.0, 1.25, -1.0, 0.5])
    moments = gathered(values * unit, 3)
    assert moments.mean / unit == pytest.approx(values.mean())
    assert moments.deviation / unit == pytest.approx(values.std())


@given(st.lists(FINITE, min_size=1, max_size=8), st.integers(1, 4))
def test_they_are_finite_and_the_mean_lies_within_the_range(values, blocks):
    moments = gathered(values, blocks)
    assert np.isfinite(moments.deviation)
    slack = 1e-15 * max(map(abs, values))
    assert moments.low - slack <= moments.mean <= moments.high + slack


def test_a_repeated_value_counts_as_often_as_it_occurs():
    assert Moments.of(np.array([1.0, 3.0])) + Moments.repeated(5.0, 2) == gathered([1, 3, 5, 5], 2)
    assert Moments.of(np.array([1.0])) + Moments.repeated(5.0, 0) == Moments.of(np.array([1.0]))


def test_an_origin_is_taken_off():
    assert gathered([1, 2, 6], 1).less(2.0) == gathered([-1, 0, 4], 1)
    assert Moments().less(2.0) == Moments()


class TestSample:
    def sampled(self, values, *, blocks, size=1000):
        sample = Sample(size)
        for part in np.array_split(values, blocks):
            sample.update(part)
        return sample

    @pytest.mark.parametrize("blocks", [1, 9])
    def test_the_median_of_few_numbers_is_exact(self, blocks):
        values = np.random.default_rng(0).normal(size=1000)
        assert self.sampled(values, blocks=blocks).median() == np.median(values)

    @pytest.mark.parametrize("order", ["as drawn", "sorted"])
    def test_the_median_of_many_is_close_whatever_their_order(self, order):
        values = np.random.default_rng(0).exponential(size=50_000)
        values = np.sort(values) if order == "sorted" else values
        median = self.sampled(values, blocks=20).median()
        assert np.mean(values < median) == pytest.approx(0.5, abs=0.05)  # three standard errors of 1,000

    def test_every_number_has_the_same_chance_to_stay(self):
        stayed = np.zeros(300)
        for seed in range(300):
            sample = Sample(20, seed)
            for part in np.split(np.arange(300.0), 15):
                sample.update(part)
            sample.median()
            stayed[np.concatenate(sample._values).astype(int)] += 1
        assert stayed.sum() == 20 * 300
        # Binomial(300, 1/15) has mean 20 and deviation 4.3; by parts of the stream the mean is far more certain.
        assert stayed.reshape(3, 100).mean(axis=1) == pytest.approx([20, 20, 20], rel=0.1)

    def test_the_same_stream_gives_the_same_median(self):
        values = np.random.default_rng(0).normal(size=5000)
        assert self.sampled(values, blocks=5).median() == self.sampled(values, blocks=5).median()

    def test_the_middle_of_enormous_numbers_does_not_overflow(self):
        assert self.sampled(np.array([1.7e308, 1.7e308]), blocks=1).median() == 1.7e308

    def test_wide_tables_sample_less_of_each_column(self):
        assert [sample_size(columns) for columns in (0, 30, 4096)] == [100_000, 100_000, 2048]
