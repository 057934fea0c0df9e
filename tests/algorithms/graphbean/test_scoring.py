import json

import numpy as np
import pytest

from algorithms.graphbean import scoring
from algorithms.graphbean.graph import Parts
from algorithms.graphbean.params import GraphBEANParams
from algorithms.graphbean.scoring import GraphScoring, Residuals
from tests.algorithms.graphbean.graphs import random_graph

PAIRS = np.array([[0, 0, 1], [0, 1, 1]])
# Node 2 of u has no edge. Root mean squares: u 1, 2, 7; v 5, 0; e 3, 1, 2.
RESIDUALS = Residuals(
    Parts(np.array([[1.0, 1.0], [2.0, -2.0], [7.0, 7.0]]), np.array([[-5.0], [0.0]]), np.array([[3.0], [1.0], [-2.0]])),
    np.array([10.0, 40.0, 0.0]),
)


def scored(residuals=RESIDUALS, pairs=PAIRS, **params):
    rule = GraphScoring.fit(GraphBEANParams.model_validate(params), residuals)
    return rule.score(pairs, residuals)


def random_residuals(seed=0, widths=(3, 2, 4)):
    graph = random_graph(widths=widths, seed=seed)
    return graph.edge_index, Residuals(graph.x, np.abs(graph.x.e[:, 0]))


@pytest.fixture(params=[{}, {"score_agg": "mean"}, {"score_agg": "sum"}, {"scoring": "collective"}])
def params(request):
    return request.param


def test_an_edge_scores_its_weighted_error_plus_its_weighted_surprise():
    scores = scored(xe_loss_weight=2.0, structure_score_weight=0.1).scores
    assert scores.e == pytest.approx([6 + 1, 2 + 4, 4 + 0])


def test_the_surprise_has_half_its_weight_in_the_loss_unless_told_otherwise():
    assert scored(structure_loss_weight=0.4).scores.e == pytest.approx(scored(structure_score_weight=0.2).scores.e)


@pytest.mark.parametrize(
    ("aggregation", "u", "v"),
    [
        ("max", [1 + 5, 2 + 2, 7], [5 + 5, 0 + 9]),
        ("mean", [1 + 7, 2 + 2, 7], [5 + 5, 0 + 5.5]),
        ("sum", [1 + 14, 2 + 2, 7], [5 + 5, 0 + 11]),
    ],
)
def test_a_node_scores_its_own_error_plus_that_of_its_edges(aggregation, u, v):
    scores = scored(structure_score_weight=0.2, score_agg=aggregation).scores
    # Edges score 3 + 2, 1 + 8, 2 + 0.
    expected_u = [1 + 9, *u[1:]] if aggregation == "max" else u
    assert scores.u == pytest.approx(expected_u)
    assert scores.v == pytest.approx(v)


def test_contributions_tell_which_attribute_or_the_structure_made_the_score():
    contributions = scored(structure_score_weight=0.2).contributions
    assert contributions.e.tolist() == [pytest.approx([3, 2]), pytest.approx([1, 8]), pytest.approx([2, 0])]
    assert contributions.u[0] == pytest.approx([0.5, 0.5, 1, 8])  # two own attributes, then those of its worst edge
    assert contributions.v[0] == pytest.approx([5, 3, 2])


def test_contributions_sum_to_the_score_and_none_is_negative(params):
    pairs, residuals = random_residuals()
    scores = scored(residuals, pairs, **params)
    for part, shares in zip(scores.scores, scores.contributions, strict=True):
        assert (shares >= 0).all()
        np.testing.assert_allclose(shares.sum(axis=1), part, rtol=1e-5)


def test_every_contribution_has_a_name(params):
    pairs, residuals = random_residuals()
    rule = GraphScoring.fit(GraphBEANParams.model_validate(params), residuals)
    columns = rule.columns(Parts(("a", "b", "c"), ("d", "e"), ("f", "g", "h", "i")))
    widths = rule.score(pairs, residuals).contributions.map(lambda shares: shares.shape[1])
    assert columns.map(len) == widths
    assert all(len(set(names)) == len(names) for names in columns)


def test_the_names_say_what_comes_from_edges_and_ends():
    names = Parts(("a",), ("b",), ("c",))
    plain = GraphScoring.fit(GraphBEANParams(), RESIDUALS).columns(names)
    assert plain == (("a", "edge: c", "edge: structure"), ("b", "edge: c", "edge: structure"), ("c", "structure"))
    collective = GraphScoring.fit(GraphBEANParams(scoring="collective"), RESIDUALS).columns(names)
    assert collective == (("a", "edge: c"), ("b", "edge: c"), ("c", "u: a", "v: b"))


def test_collective_scores_are_those_worked_out_by_hand():
    # One attribute each: the norm is the error over its root mean square.
    residuals = Residuals(
        Parts(np.array([[3.0], [4.0]]), np.array([[6.0], [8.0]]), np.array([[1.0], [2.0], [2.0]])), np.zeros(3)
    )
    scores = scored(residuals, scoring="collective").scores
    u, v, e = np.array([3, 4]) / np.sqrt(12.5), np.array([6, 8]) / np.sqrt(50), np.array([1, 2, 2]) / np.sqrt(3)
    assert scores.u == pytest.approx(u + e[[1, 2]] / 2)
    assert scores.v == pytest.approx(v + e[[0, 1]] / 2)
    assert scores.e == pytest.approx(e + np.minimum(u[[0, 0, 1]], v[[0, 1, 1]]))


def test_collective_norms_are_mahalanobis_distances():
    pairs, residuals = random_residuals()
    mixed = residuals._replace(x=residuals.x._replace(u=residuals.x.u @ np.array([[1, 2, 0], [0, 1, 3], [0, 0, 1.0]])))
    contributions = scored(mixed, pairs, scoring="collective").contributions.u[:, :3]
    moments = mixed.x.u.T @ mixed.x.u / len(mixed.x.u)
    expected = np.sqrt(np.einsum("ni,ij,nj->n", mixed.x.u, np.linalg.inv(moments), mixed.x.u) / 3)
    np.testing.assert_allclose(contributions.sum(axis=1), expected, rtol=1e-4)


def test_collective_norms_weigh_the_same_however_many_attributes_there_are():
    pairs, residuals = random_residuals(widths=(9, 1, 4))
    contributions = scored(residuals, pairs, scoring="collective").contributions
    for shares, width in zip(contributions, (9, 1, 4), strict=True):
        assert np.mean(shares[:, :width].sum(axis=1) ** 2) == pytest.approx(1.0, rel=1e-4)


def test_what_never_varied_and_then_does_counts_in_its_own_unit():
    pairs, residuals = random_residuals()
    constant = residuals._replace(x=residuals.x._replace(u=residuals.x.u * np.array([1.0, 0.0, 1.0])))
    rule = GraphScoring.fit(GraphBEANParams(scoring="collective"), constant)
    varied = constant._replace(x=constant.x._replace(u=constant.x.u + np.array([0.0, 10.0, 0.0])))
    change = rule.score(pairs, varied).contributions.u[:, :3].sum(axis=1)
    np.testing.assert_array_less(10 / np.sqrt(2) - 1e-3, change)


def test_an_attribute_without_residuals_adds_nothing():
    pairs, residuals = random_residuals()
    constant = residuals._replace(x=residuals.x._replace(u=residuals.x.u * np.array([1.0, 0.0, 1.0])))
    scores = scored(constant, pairs, scoring="collective")
    assert np.isfinite(scores.scores.u).all()
    assert not scores.contributions.u[:, 1].any()


def test_the_threshold_graph_decides_the_scale_of_later_graphs():
    pairs, residuals = random_residuals()
    rule = GraphScoring.fit(GraphBEANParams(scoring="collective"), residuals)
    doubled = residuals._replace(x=residuals.x.map(lambda x: 2 * x))
    np.testing.assert_allclose(rule.score(pairs, doubled).scores.e, 2 * rule.score(pairs, residuals).scores.e)


def test_what_is_stored_scores_exactly_as_before(params):
    pairs, residuals = random_residuals()
    rule = GraphScoring.fit(GraphBEANParams.model_validate(params), residuals)
    again = GraphScoring.from_dict(json.loads(json.dumps(rule.to_dict())))
    for one, two in zip(rule.score(pairs, residuals).scores, again.score(pairs, residuals).scores, strict=True):
        assert np.array_equal(one, two)


def test_edges_scored_in_chunks_score_as_at_once(params, monkeypatch):
    pairs, residuals = random_residuals()
    expected = scored(residuals, pairs, **params)
    monkeypatch.setattr(scoring, "CHUNK", 7)
    for one, two in zip(scored(residuals, pairs, **params).scores, expected.scores, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-6)


def test_a_graph_without_edges_scores_its_nodes(params):
    pairs, residuals = random_residuals()
    rule = GraphScoring.fit(GraphBEANParams.model_validate(params), residuals)
    nodes_only = Residuals(residuals.x._replace(e=residuals.x.e[:0]), residuals.surprise[:0])
    scores = rule.score(pairs[:, :0], nodes_only).scores
    assert scores.map(len) == (30, 20, 0)
    assert np.isfinite(scores.u).all()


def test_absurd_residuals_give_finite_scores(params):
    pairs, residuals = random_residuals()
    rule = GraphScoring.fit(GraphBEANParams.model_validate(params), residuals)
    absurd = residuals._replace(x=residuals.x.map(lambda x: np.sign(x) * np.float32(3e38)))
    assert all(np.isfinite(part).all() for part in rule.score(pairs, absurd).scores)
