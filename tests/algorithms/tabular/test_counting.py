from collections import Counter

import numpy as np
import pytest

from algorithms.tabular.categories import CategoryEncoder
from algorithms.tabular.counting import COUNTED_VALUES, MOST_VALUES, CategoryCounts, most_counted
from algorithms.tabular.encoder import TabularEncoder
from algorithms.tabular.params import TabularFeederParams
from algorithms.tabular.table import Table


def texts(values):
    return np.array(values, dtype=object)


def counted(values, blocks=1, **limits):
    counts = CategoryCounts(**limits)
    for part in np.array_split(values, blocks):
        counts.update(part)
    return counts


@pytest.mark.parametrize("blocks", [1, 3])
def test_texts_numbers_and_missing_are_counted(blocks):
    counts = counted(texts(["a", "b", None, "a", "a", None]), blocks)
    assert counts.counts == {"a": 3, None: 2, "b": 1}
    assert (counts.rows, counts.missing, counts.distinct, counts.exact) == (6, 2, 3, True)
    assert counted(np.array([1, 0.5, np.nan, 1, -0.0, 0]), blocks).counts == {1: 2, 0.5: 1, 0: 2, None: 1}


@pytest.fixture(scope="module")
def values():
    """Give Zipf-like values, the frequent ones at first only: later ones must not push them out."""
    rng = np.random.default_rng(0)
    ranks = np.minimum(rng.zipf(1.3, 20_000), 10**6)
    return texts([f"v{rank}" for rank in ranks.tolist()] + [f"once{number}" for number in range(5000)])


class TestBeyondTheLimit:
    def test_no_frequent_value_is_lost_and_no_count_is_far_off(self, values):
        counts, true = counted(values, blocks=50, most_values=200), Counter(values.tolist())
        assert not counts.exact
        assert counts.distinct > 200
        assert len(counts.counts) <= 200
        assert counts.too_low <= len(values) / 101
        for value, count in true.items():
            assert true[value] - counts.too_low <= counts.counts[value] <= count
        assert [value for value, _ in counts.counts.most_common(3)] == [value for value, _ in true.most_common(3)]

    def test_the_letters_of_long_texts_are_bounded_too(self):
        values = texts([f"{number:04}" + "x" * 996 for number in range(500)])
        counts = counted(values, blocks=50, most_characters=100_000)
        assert sum(map(len, counts.counts)) <= 100_000
        assert not counts.exact

    def test_a_column_of_nothing_but_ids_still_has_values(self):
        counts = counted(texts([f"id{number}" for number in range(10_000)]), blocks=10, most_values=200)
        encoder = CategoryEncoder.fit(counts, 10, codes=False)
        assert len(encoder.categories) == 10
        assert not encoder.rare_complete

    def test_the_encoder_has_the_values_of_an_exact_count(self, values):
        exact = CategoryEncoder.fit(counted(values), 20, codes=False)
        bounded = CategoryEncoder.fit(counted(values, blocks=50, most_values=2000), 20, codes=False)
        assert bounded.categories == exact.categories
        assert exact.rare_share <= bounded.rare_share <= exact.rare_share + 0.05
        assert not bounded.rare_complete


class TestManyColumns:
    @pytest.mark.parametrize("columns", [5, 6, 40, 4096])
    def test_together_count_a_bounded_number_of_values(self, columns):
        values, characters = most_counted(columns, kept=10)
        assert columns * values <= COUNTED_VALUES
        assert columns * characters <= 160 * COUNTED_VALUES

    def test_each_count_as_many_as_one_column_while_they_are_few(self):
        assert most_counted(0, kept=10) == most_counted(5, kept=10) == (MOST_VALUES, 32_000_000)

    def test_each_still_count_twice_what_is_kept(self):
        assert most_counted(4096, kept=1000)[0] == 2000

    def test_a_notice_says_what_is_an_estimate(self, monkeypatch):
        monkeypatch.setattr("algorithms.tabular.counting.COUNTED_VALUES", 200)
        values = texts(["often"] * 200 + [f"id{number}" for number in range(150)])
        encoder = TabularEncoder.fit(
            Table({"c0": values, "c1": values}, 350), TabularFeederParams(vocab_size=2), scaling="asinh"
        )
        assert "c0 (2 of more than 151 values kept, up to 43 % of the rows have another)" in encoder.notices[0]
