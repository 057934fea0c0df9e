"""What every detector on graphs promises beside what every detector does."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from algorithms.graphbean.graph import BipartiteGraph, Parts
from tests.algorithms.contract import EveryDetectorContract, joined

SIZES = (60, 40, 300)


def claims(sizes: tuple[int, int, int] = SIZES, seed: int = 0) -> BipartiteGraph:
    """Return a graph of u, v and edges, whose edges' attributes depend on those of their two ends."""
    users, items, edges = sizes
    rng = np.random.default_rng(seed)
    keys = np.sort(rng.choice(users * items, edges, replace=False))
    u, v = np.divmod(keys, items)
    age, price = rng.normal(50, 9, users), rng.normal(300, 80, items)
    amount = price[v] + 3 * age[u] + rng.normal(0, 5, edges)
    x_u = np.column_stack([age, 2 * age + rng.normal(0, 1, users)])
    x_v = np.column_stack([price, rng.normal(0, 1, items), -price])
    x_e = np.column_stack([amount, amount / 7 + rng.normal(0, 1, edges)])
    return BipartiteGraph(np.stack([u, v]).astype(np.int64), Parts(x_u, x_v, x_e))


def changed(graph: BipartiteGraph, part: str, place: tuple[int, int], difference: float) -> BipartiteGraph:
    """Return the graph with one attribute changed."""
    x = graph.x._asdict()
    x[part] = x[part].copy()
    x[part][place] += difference
    return BipartiteGraph(graph.edge_index, Parts(**x))


def close(expected: np.ndarray) -> Any:
    return pytest.approx(expected, rel=1e-4, abs=1e-4)


def named(sizes: tuple[int, int, int]) -> str:
    return "{} u, {} v, {} edges".format(*sizes)


class GraphDetectorContract(EveryDetectorContract):
    """Subclass it with `make` and `load`; `scorer` of a fitted detector is the exported model."""

    @pytest.fixture(scope="class")
    @classmethod
    def examples(cls) -> Callable[[], BipartiteGraph]:
        return claims

    def test_it_scores_every_node_and_edge(self, fitted):
        assert tuple(map(len, fitted.decision_scores_)) == SIZES
        for scores, contributions, names in zip(
            fitted.decision_scores_, fitted.contributions_, fitted.columns_, strict=True
        ):
            assert contributions.shape == (len(scores), len(names))
            assert contributions.dtype == np.float32
            assert (contributions >= 0).all()
            assert contributions.sum(axis=1) == pytest.approx(scores, rel=1e-5)

    def test_an_edge_with_an_odd_attribute_scores_higher_than_nearly_all(self, fitted):
        scores = fitted.decision_function(changed(claims(), "e", (7, 0), 900.0))
        assert scores.e[7] > np.quantile(fitted.decision_scores_.e, 0.99)
        assert scores.e[7] > fitted.threshold_.e

    def test_a_node_with_an_odd_attribute_scores_higher_than_nearly_all(self, fitted):
        scores = fitted.decision_function(changed(claims(), "u", (5, 0), 90.0))
        assert scores.u[5] > np.quantile(fitted.decision_scores_.u, 0.99)
        scores = fitted.decision_function(changed(claims(), "v", (5, 1), 15.0))
        assert scores.v[5] > np.quantile(fitted.decision_scores_.v, 0.99)

    def test_permuted_edges_give_permuted_scores(self, fitted):
        graph = claims()
        order = np.random.default_rng(5).permutation(graph.edges)
        permuted = BipartiteGraph(graph.edge_index[:, order], graph.x._replace(e=graph.x.e[order]))
        scores = fitted.decision_function(permuted)
        assert scores.e == close(fitted.decision_scores_.e[order])
        assert scores.u == close(fitted.decision_scores_.u)
        assert scores.v == close(fitted.decision_scores_.v)

    def test_a_graph_scores_the_same_whatever_else_was_scored(self, fitted):
        fitted.decision_function(claims((9, 5, 20), seed=4))
        fitted.predict(claims(seed=3))
        assert np.array_equal(joined(fitted.decision_function(claims())), joined(fitted.decision_scores_))

    @pytest.mark.parametrize(
        "sizes",
        [SIZES, (80, 20, 100), (1, 30, 20), (25, 1, 25), (1, 1, 1)],
        ids=lambda sizes: "-".join(map(str, sizes)),
    )
    def test_the_exported_model_gives_the_same_scores(self, fitted, sizes):
        graph = claims(sizes, seed=2)
        served, own = fitted.scorer.score_graph(graph), fitted.score(graph)
        assert joined(served.scores) == close(joined(own.scores))
        for ours, theirs in zip(served.contributions, own.contributions, strict=True):
            assert ours == close(theirs)

    def test_nodes_without_edges_have_scores_and_leave_those_of_others_alone(self, fitted):
        graph = claims()
        lonely = np.array([[50.0, 100.0], [20.0, 40.0]])
        more = graph.x._replace(u=np.vstack([graph.x.u, lonely]))
        scores = fitted.decision_function(BipartiteGraph(graph.edge_index, more))
        assert np.isfinite(scores.u).all()
        assert scores.u[:-2] == close(fitted.decision_scores_.u)
        assert scores.v == close(fitted.decision_scores_.v)
        assert scores.e == close(fitted.decision_scores_.e)

    @pytest.mark.parametrize("value", [1e30, -1e30])
    def test_an_absurd_number_gives_finite_scores_and_an_anomaly(self, fitted, value):
        scores = fitted.decision_function(changed(claims(), "e", (11, 0), value))
        assert np.isfinite(joined(scores)).all()
        assert scores.e[11] > fitted.threshold_.e

    @pytest.mark.parametrize("sizes", [(1, 30, 20), (30, 1, 20), (1, 1, 1), (2, 2, 4), (50, 50, 20)], ids=named)
    def test_it_fits_graphs_of_one_node_of_one_edge_complete_ones_and_isolated_nodes(self, make, sizes):
        graph = claims(sizes)
        detector = make().fit(graph)
        assert np.isfinite(joined(detector.decision_scores_)).all()
        assert np.isfinite(detector.threshold_).all()
        assert np.array_equal(joined(detector.decision_function(graph)), joined(detector.decision_scores_))

    def test_it_does_not_change_its_input(self, make):
        given, untouched = claims(), claims()
        make().fit(given)
        assert np.array_equal(given.edge_index, untouched.edge_index)
        for values, before in zip(given.x, untouched.x, strict=True):
            assert np.array_equal(values, before)
