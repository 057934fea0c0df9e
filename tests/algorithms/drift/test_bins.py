import numpy as np
import pytest

from algorithms.drift.bins import NumberBins, bins_from_dict
from tests.algorithms.drift.references import category_bins, texts


def test_ten_bins_hold_as_many_numbers_each():
    values = np.random.default_rng(0).permutation(np.arange(1000.0))
    bins = NumberBins.fit("number", values)
    assert bins.count(values).tolist() == [100] * 10 + [0]


def test_numbers_outside_the_training_range_fall_into_the_end_bins():
    bins = NumberBins.fit("number", np.arange(100.0))
    counts = bins.count(np.array([-1e308, 1e308, np.inf, -np.inf]))
    assert counts[[0, 9]].tolist() == [2, 2]


def test_missing_numbers_have_a_bin_of_their_own():
    bins = NumberBins.fit("number", np.arange(100.0))
    counts = bins.count(np.array([np.nan, 3.0, np.nan]))
    assert counts[bins.missing] == 2
    assert counts.sum() == 3


def test_a_number_that_half_the_rows_have_merges_the_bins_it_fills():
    values = np.concatenate([np.zeros(500), np.arange(1.0, 501.0)])
    bins = NumberBins.fit("number", values)
    counts = bins.count(values)
    assert counts[0] == 500
    assert len(counts) == 1 + 5 + 1


def test_a_constant_column_has_a_bin_and_those_outside():
    bins = NumberBins.fit("number", np.full(50, 7.0))
    assert bins.count(np.array([7.0, 7.0, 6.9999999, 7.0000001])).tolist() == [1, 2, 1, 0]


def test_a_column_without_any_number_counts_those_that_come():
    bins = NumberBins.fit("number", np.full(50, np.nan))
    assert bins.count(np.array([np.nan, 1.0])).tolist() == [1, 1]


def test_dates_fall_into_bins_by_their_quantiles():
    days = np.datetime64("2026-01-01", "us") + np.arange(100) * np.timedelta64(1, "D")
    bins = NumberBins.fit("date", days)
    assert bins.count(days).tolist() == [10] * 10 + [0]
    late = np.array(["2027-01-01", "NaT"], dtype="datetime64[us]")
    assert bins.count(late)[[9, 10]].tolist() == [1, 1]


def test_huge_numbers_have_finite_edges():
    bins = NumberBins.fit("number", np.linspace(-1.0, 1.0, 50) * 1.7e308)
    assert np.isfinite(bins.edges).all()
    assert len(bins.edges) == 9


def test_categories_have_bins_by_frequency_then_other_unseen_and_missing():
    bins = category_bins(texts("a", "a", "a", "b", "b", "c", None), vocab_size=2)
    assert bins.categories == ("a", "b", "c")
    assert bins.count(texts("b", "a", "new", None, "c", "a")).tolist() == [2, 1, 1, 0, 1, 1]


def test_a_category_without_a_bin_is_other_and_not_unseen():
    values = texts(*(f"v{i:03d}" for i in range(250)), *(f"v{i:03d}" for i in range(200)))
    bins = category_bins(values)
    counts = bins.count(texts("v240", "v249", "v000", "w"))
    assert len(bins) == 203
    assert counts[-3:].tolist() == [2, 1, 0]
    assert counts[0] == 1


def test_codes_are_one_category_as_text_and_as_number():
    bins = category_bins(np.array([1.0, 1.0, 2.0, np.nan]), codes=True)
    assert bins.count(texts("1", "1.0", "2", None)).tolist() == bins.count(np.array([1.0, 1.0, 2.0, np.nan])).tolist()


@pytest.mark.parametrize(
    "bins",
    [NumberBins.fit("number", np.arange(30) / 7), category_bins(texts("a", "b", "b", None), vocab_size=1)],
    ids=["number", "category"],
)
def test_stored_bins_count_the_same(bins):
    values = np.arange(40) / 6 if bins.kind == "number" else texts("a", "b", "z", None)
    assert bins_from_dict(bins.to_dict()).count(values).tolist() == bins.count(values).tolist()
