import numpy as np
import pytest

from algorithms.drift.distances import distance


def counts(*values):
    return np.array(values, np.int64)


def test_equal_shares_have_no_distance():
    found = distance(counts(600, 300, 100), counts(6000, 3000, 1000))
    assert found.psi == pytest.approx(0, abs=1e-6)
    assert found.js == pytest.approx(0, abs=1e-12)


def test_the_stability_index_is_that_of_the_formula():
    found = distance(counts(500_000, 500_000), counts(800_000, 200_000))
    assert found.psi == pytest.approx(0.3 * np.log(0.8 / 0.5) - 0.3 * np.log(0.2 / 0.5), rel=1e-3)


def test_the_divergence_of_countings_without_a_common_bin_is_one_bit():
    assert distance(counts(500, 0), counts(0, 500)).js == pytest.approx(1)


def test_the_divergence_is_that_of_the_formula():
    p, q = np.array([0.5, 0.5]), np.array([0.9, 0.1])
    middle = (p + q) / 2
    expected = ((p * np.log2(p / middle)).sum() + (q * np.log2(q / middle)).sum()) / 2
    assert distance(counts(500, 500), counts(900, 100)).js == pytest.approx(expected)


def test_an_empty_bin_is_finite_however_many_rows_there_are():
    found = distance(counts(10**9, 0), counts(10**9 // 2, 10**9 // 2), apart=1)
    assert 1 < found.psi < 10


def test_no_rows_have_no_distance():
    assert distance(counts(0, 0), counts(1, 2)) is None
    assert distance(counts(1, 2), counts(0, 0)) is None


def test_rare_bins_are_judged_together_but_not_those_apart():
    before = counts(5000, *[1] * 100, 0, 0)
    found = distance(before, counts(950, *[1] * 20, *[0] * 80, 20, 10), apart=2)
    assert found.bins == 4


def test_neighbouring_bins_of_few_rows_are_judged_together():
    before, after = counts(*[10] * 10, 0), counts(*[4] * 5, *[0] * 5, 20)
    assert distance(before, after, apart=1, ordered=True).bins == 5 + 1
    assert distance(before, after, apart=1).bins == 1 + 1


def test_the_last_bins_of_few_rows_join_those_before():
    assert distance(counts(500, 480, 2), counts(500, 480, 3), ordered=True).bins == 2


def test_ordered_bins_that_were_empty_stay_apart():
    found = distance(counts(0, 1000, 0), counts(0, 700, 300), ordered=True)
    assert found.bins == 2
    assert found.psi > 1


def test_rows_that_are_not_independent_are_worth_fewer():
    before, after = counts(*[300] * 10), counts(*[100] * 5, *[200] * 5)
    few, all_of_them = distance(before, after, independent=(100, 50)), distance(before, after)
    assert few.psi == pytest.approx(all_of_them.psi, rel=0.2)
    assert few.unit == pytest.approx(1 / 100 + 1 / 50)
    assert all_of_them.is_beyond_chance(0.01)
    assert not few.is_beyond_chance(0.01)


def test_empty_bins_of_both_do_not_count():
    assert distance(counts(500, 500, 0), counts(400, 600, 0)).bins == 2


def test_chance_makes_the_index_that_is_expected():
    rng, shares = np.random.default_rng(0), np.full(10, 0.1)
    found = [distance(rng.multinomial(20_000, shares), rng.multinomial(1000, shares)) for _ in range(400)]
    assert np.mean([one.psi for one in found]) == pytest.approx(found[0].expected, rel=0.1)


@pytest.mark.parametrize("bins", [2, 10, 150])
def test_so_large_an_index_comes_by_chance_as_seldom_as_it_should(bins):
    rng, shares = np.random.default_rng(1), np.random.default_rng(0).dirichlet(np.full(bins, 5.0))
    found = [distance(rng.multinomial(20_000, shares), rng.multinomial(2000, shares)) for _ in range(1000)]
    assert np.mean([one.is_beyond_chance(0.05) for one in found]) <= 0.09
    assert np.mean([one.is_beyond_chance(1e-4) for one in found]) <= 0.005


def test_one_bin_is_never_beyond_chance():
    assert not distance(counts(10), counts(5)).is_beyond_chance(0.5)
