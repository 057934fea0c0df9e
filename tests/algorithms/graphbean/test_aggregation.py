import numpy as np
import pytest

from algorithms.graphbean.aggregation import MergedRows

# u, v of six rows; the pairs (0, 1) and (1, 0) occur twice.
U = np.array([1, 0, 1, 0, 2, 1])
V = np.array([0, 1, 0, 1, 1, 1])


@pytest.fixture
def merged():
    return MergedRows.of(U, V, (3, 2))


def lists(parts):
    return tuple(values.tolist() for values in parts)


def test_all_rows_of_a_pair_are_one_edge_sorted_by_u_and_v(merged):
    assert merged.edge_index.tolist() == [[0, 1, 1, 2], [1, 0, 1, 1]]
    assert merged.edge_of_row.tolist() == [1, 0, 1, 0, 3, 2]
    assert lists(merged.rows) == ([2, 3, 1], [2, 4], [2, 2, 1, 1])


def test_different_values_are_counted_once_and_missing_ones_never(merged):
    # u 0: 5, 5; u 1: 5, 6, 6; u 2: missing
    codes = np.array([5, 5, 6, 5, -1, 6], np.int32)
    assert lists(merged.distinct(codes, 7)) == ([1, 2, 0], [2, 2], [1, 2, 1, 0])


def test_a_column_without_any_value_has_none(merged):
    assert lists(merged.distinct(np.full(6, -1, np.int32), 0)) == ([0, 0, 0], [0, 0], [0, 0, 0, 0])


def test_missing_numbers_are_in_neither_sum_nor_mean(merged):
    sums, means = merged.sums_and_means(np.array([1.0, 10.0, np.nan, 30.0, np.nan, 4.0]))
    assert lists(sums) == ([40, 5, 0], [1, 44], [40, 1, 4, 0])
    assert lists(means) == ([20, 2.5, 0], [1, 44 / 3], [20, 1, 4, 0])


def test_sums_beyond_floats_stay_finite(merged):
    sums, means = merged.sums_and_means(np.full(6, -1.7e308))
    largest = np.finfo(float).max
    assert sums.e.tolist() == [-largest, -largest, -1.7e308, -1.7e308]
    assert sums.u.tolist() == [-largest, -largest, -1.7e308]
    assert np.isfinite(means.v).all()


def test_shares_are_of_all_rows(merged):
    shares = merged.shares(np.array([0, 1, 2, 1, 0, 0]), 3)
    assert shares.u.tolist() == [[0, 1, 0], [2 / 3, 0, 1 / 3], [1, 0, 0]]
    assert shares.v.tolist() == [[0.5, 0, 0.5], [0.5, 0.5, 0]]
    assert shares.e.tolist() == [[0, 1, 0], [0.5, 0, 0.5], [1, 0, 0], [1, 0, 0]]


def test_a_single_row_is_a_graph():
    merged = MergedRows.of(np.array([0]), np.array([0]), (1, 1))
    assert merged.edge_index.tolist() == [[0], [0]]
    assert lists(merged.distinct(np.array([3]), 4)) == ([1], [1], [1])


def test_many_rows_agree_with_counting_them_one_by_one():
    rng = np.random.default_rng(0)
    u, v, codes = (rng.integers(0, size, 500) for size in (20, 10, 30))
    numbers = rng.integers(0, 9, 500).astype(float)
    merged = MergedRows.of(u, v, (20, 10))
    pairs = sorted(set(zip(u.tolist(), v.tolist(), strict=True)))
    assert merged.edge_index.T.tolist() == [list(pair) for pair in pairs]
    distinct, (sums, _) = merged.distinct(codes, 30), merged.sums_and_means(numbers)
    for node in range(20):
        assert distinct.u[node] == len(set(codes[u == node].tolist()))
        assert sums.u[node] == numbers[u == node].sum()
    for edge, (first, second) in enumerate(pairs):
        rows = (u == first) & (v == second)
        assert distinct.e[edge] == len(set(codes[rows].tolist()))
        assert sums.e[edge] == numbers[rows].sum()
        assert (merged.edge_of_row[rows] == edge).all()
