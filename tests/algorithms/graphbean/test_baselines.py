import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from algorithms.graphbean import baselines
from algorithms.graphbean.baselines import baseline_scores, degree, isolation_forest, mahalanobis
from algorithms.graphbean.graph import BipartiteGraph, Parts


def graph(x_u):
    """Return a graph of two or more u with these attributes and of two v, with three edges among the first two u."""
    x = Parts(np.array(x_u, float), np.array([[0.0], [1.0]]), np.array([[0.0], [1.0], [2.0]]))
    return BipartiteGraph(np.array([[0, 1, 1], [1, 0, 1]]), x)


def test_degree_counts_the_edges_of_a_node_and_of_both_ends_of_an_edge():
    scores = degree(graph([[0.0]] * 3))
    assert scores.u.tolist() == [1, 2, 0]
    assert scores.v.tolist() == [1, 2]
    assert scores.e.tolist() == [1 + 2, 2 + 1, 2 + 2]


def test_mahalanobis_measures_in_standard_deviations_of_each_direction():
    # Mean 0, variances 2 and 8, no covariance: (2, 0) is 2 / √2 away, (0, 4) is 4 / √8 away.
    x = [[2.0, 0.0], [-2.0, 0.0], [0.0, 4.0], [0.0, -4.0]]
    assert mahalanobis(graph(x)).u == pytest.approx([2**0.5] * 4)


def test_mahalanobis_sees_what_breaks_a_correlation():
    line = np.linspace(-2, 2, 50)
    x = np.column_stack([line, line + 0.01 * np.cos(40 * line)])
    x[7] = (0.5, -0.5)
    scores = mahalanobis(graph(x)).u
    assert np.argmax(scores) == 7


def test_mahalanobis_leaves_constant_and_repeated_attributes_without_a_say():
    x = np.array([[1.0], [-1.0], [1.0], [-1.0]])
    repeated = np.column_stack([x, x, np.full(4, 3.0)])
    assert mahalanobis(graph(repeated)).u == pytest.approx(mahalanobis(graph(x)).u)
    assert mahalanobis(graph([[5.0], [5.0]])).u.tolist() == [0.0, 0.0]


def test_mahalanobis_in_parts_is_the_same(monkeypatch):
    x = np.random.default_rng(0).normal(size=(50, 3))
    whole = mahalanobis(graph(x)).u
    monkeypatch.setattr(baselines, "ROWS_AT_ONCE", 7)
    assert mahalanobis(graph(x)).u == pytest.approx(whole, rel=1e-12)


def test_the_isolation_forest_finds_an_outlier_and_repeats_itself():
    x = np.random.default_rng(0).normal(size=(200, 2))
    x[3] = 9
    scores = isolation_forest(graph(x)).u
    assert np.argmax(scores) == 3
    assert np.array_equal(isolation_forest(graph(x)).u, scores)
    assert not np.array_equal(isolation_forest(graph(x), seed=1).u, scores)


def test_each_scores_every_part_with_finite_float64():
    given = graph([[0.0]] * 3)
    by_name = baseline_scores(given)
    assert list(by_name) == ["degree", "mahalanobis", "isolation_forest"]
    for scores in by_name.values():
        assert tuple(map(len, scores)) == given.sizes
        assert all(part.dtype == np.float64 and np.isfinite(part).all() for part in scores)


@pytest.mark.shared_data
def test_planted_blocks_are_far_away_but_not_isolated(shared_data):
    stored = np.load(shared_data / "graphbean" / "healthcare_injected_0.npz")
    pairs = np.stack([stored["row"], stored["col"]]).astype(np.int64)
    healthcare = BipartiteGraph(pairs, Parts(*(stored[name].astype(float) for name in ("xu", "xv", "xe"))))
    for part, far, isolated in zip("uve", mahalanobis(healthcare), isolation_forest(healthcare), strict=True):
        assert average_precision_score(stored[f"y{part}"], far) > 0.3
        assert average_precision_score(stored[f"y{part}"], isolated) < 0.1
