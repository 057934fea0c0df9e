import json

import numpy as np
import pytest

from algorithms.graphbean.graph import BipartiteGraph, Parts
from algorithms.graphbean.params import GraphBEANParams
from algorithms.graphbean.scaling import CHUNK, AttributeScaling
from tests.algorithms.graphbean.graphs import random_graph


def graph_of(u, v=((0.0,), (1.0,)), e=((1.0,), (2.0,), (3.0,))):
    return BipartiteGraph(np.array([[0, 0, 1], [0, 1, 1]]), Parts(np.array(u), np.array(v), np.array(e)))


@pytest.fixture(params=["reconstruction", "collective"])
def params(request):
    return GraphBEANParams(scoring=request.param)


def test_attributes_are_standardised_by_the_training_graph():
    graph = graph_of([[10.0], [30.0]])
    scaled = AttributeScaling.fit(graph, GraphBEANParams()).apply(graph)
    assert scaled.x.u.tolist() == [[-1.0], [1.0]]
    assert scaled.x.e[:, 0] == pytest.approx([-1.2247449, 0.0, 1.2247449])
    assert scaled.x.u.dtype == np.float32


def test_another_graph_is_scaled_by_the_statistics_of_the_training_graph():
    scaling = AttributeScaling.fit(graph_of([[10.0], [30.0]]), GraphBEANParams())
    assert scaling.apply(graph_of([[40.0], [50.0]])).x.u.tolist() == [[2.0], [3.0]]


def test_a_constant_attribute_becomes_zero_and_a_change_of_it_stays_in_its_unit():
    scaling = AttributeScaling.fit(graph_of([[0.1], [0.1]]), GraphBEANParams())
    assert scaling.apply(graph_of([[0.1], [2.1]])).x.u.tolist() == [[0.0], [2.0]]


def test_the_log_of_the_degree_is_appended_to_the_nodes_when_asked_for():
    graph = graph_of([[10.0], [30.0]])
    scaling = AttributeScaling.fit(graph, GraphBEANParams(log_degree=True))
    scaled = scaling.apply(graph)
    assert scaled.widths == (2, 2, 1)
    assert scaled.x.u[:, 1].tolist() == [1.0, -1.0]  # degrees 2 and 1
    assert scaling.restore("u", scaled.x.u)[:, 1] == pytest.approx(np.log1p([2, 1]))
    assert scaling.names(Parts(("a",), ("b",), ("c",))) == (("a", "log degree"), ("b", "log degree"), ("c",))


def test_collective_scoring_squashes_long_tails_around_the_median():
    values = np.array([0.0, 0.0, 0.0, 0.0, 1000.0])[:, None]
    graph = BipartiteGraph(np.array([range(5), [0] * 5]), Parts(values, np.zeros((1, 1)), np.zeros((5, 1))))
    plain = AttributeScaling.fit(graph, GraphBEANParams()).apply(graph).x.u[:, 0]
    scaling = AttributeScaling.fit(graph, GraphBEANParams(scoring="collective"))
    squashed = scaling.apply(graph).x.u[:, 0]
    assert plain[4] == pytest.approx(2.0)
    assert squashed == pytest.approx(plain)  # two values are standardised to the same
    more = BipartiteGraph(graph.edge_index, graph.x._replace(u=10 * values))
    assert scaling.apply(more).x.u[4, 0] < 0.3 * AttributeScaling.fit(graph, GraphBEANParams()).apply(more).x.u[4, 0]


def test_restoring_gives_the_attributes_again(params):
    graph = random_graph()
    scaling = AttributeScaling.fit(graph, params)
    scaled = scaling.apply(graph)
    for part in ("u", "v", "e"):
        given = getattr(graph.x, part)
        restored = scaling.restore(part, getattr(scaled.x, part))[:, : given.shape[1]]
        np.testing.assert_allclose(restored, given, atol=1e-5)


def test_what_is_stored_scales_exactly_as_before(params):
    graph, other = random_graph(), random_graph(seed=9)
    scaling = AttributeScaling.fit(graph, params)
    again = AttributeScaling.from_dict(json.loads(json.dumps(scaling.to_dict())))
    for one, two in zip(scaling.apply(other).x, again.apply(other).x, strict=True):
        assert np.array_equal(one, two)


def test_absurd_values_stay_finite(params):
    graph = random_graph()
    scaling = AttributeScaling.fit(graph, params)
    absurd = BipartiteGraph(graph.edge_index, graph.x.map(lambda x: x.astype(np.float64) * 1e300))
    assert all(np.isfinite(part).all() for part in scaling.apply(absurd).x)


def test_the_graph_given_is_not_changed(params):
    graph, untouched = random_graph(), random_graph()
    AttributeScaling.fit(graph, params).apply(graph)
    for given, before in zip(graph.x, untouched.x, strict=True):
        assert np.array_equal(given, before)


def test_another_number_of_attributes_is_refused(params):
    scaling = AttributeScaling.fit(random_graph(), params)
    with pytest.raises(ValueError, match=r"u has \d attributes, the training graph had"):
        scaling.apply(random_graph(widths=(5, 2, 4)))


def test_a_part_that_is_scaled_in_several_chunks_has_the_statistics_of_all_of_it(params):
    rows = 2 * CHUNK + 3
    values = np.exp(np.random.default_rng(0).normal(size=(rows, 2))) * [1.0, 1e6]
    ends = np.arange(rows)
    graph = BipartiteGraph(np.stack([ends, ends]), Parts(np.zeros((rows, 1)), np.zeros((rows, 1)), values))
    z = (values - values.mean(axis=0)) / values.std(axis=0)
    if params.scoring == "collective":
        spread = z - np.median(z, axis=0)
        z = np.sign(spread) * np.log1p(3 * np.abs(spread))
        z = (z - z.mean(axis=0)) / z.std(axis=0)
    np.testing.assert_allclose(AttributeScaling.fit(graph, params).apply(graph).x.e, z, rtol=1e-5, atol=1e-6)


HUGE = [[1e308], [-1e308], [1e308], [-1e308], [0.0]]


def test_numbers_whose_squares_and_sums_overflow_are_standardised():
    graph = BipartiteGraph(np.array([range(5), [0] * 5]), Parts(np.array(HUGE), np.zeros((1, 1)), np.zeros((5, 1))))
    scaling = AttributeScaling.fit(graph, GraphBEANParams())
    assert scaling.apply(graph).x.u[:, 0] == pytest.approx([1.25**0.5, -(1.25**0.5), 1.25**0.5, -(1.25**0.5), 0])
    assert scaling.restore("u", np.array([[1.0], [-1e6]])).tolist() == [
        [pytest.approx(0.8**0.5 * 1e308)],
        [-np.finfo(np.float64).max],
    ]


def test_the_difference_of_two_huge_numbers_is_not_cut():
    graph = graph_of([[-1.7e308], [1.7e308]], e=[[1.7e308], [1.7e308], [-1.7e308]])
    scaled = AttributeScaling.fit(graph, GraphBEANParams()).apply(graph)
    assert scaled.x.u.tolist() == [[-1.0], [1.0]]
    assert scaled.x.e[:, 0] == pytest.approx([0.5**0.5, 0.5**0.5, -(2**0.5)])


@pytest.mark.parametrize("constant", [1e20, 1.7e308, 5e-324])
def test_a_constant_of_any_size_becomes_nearly_zero(constant, params):
    graph = BipartiteGraph(
        np.array([range(7), [0] * 7]), Parts(np.full((7, 1), constant), *(np.zeros((n, 1)) for n in (1, 7)))
    )
    scaling = AttributeScaling.fit(graph, params)
    assert np.abs(scaling.apply(graph).x.u[:, 0]).max() < 0.01
    assert np.isfinite(scaling.restore("u", np.full((1, scaling.columns.u.width), 1e6))).all()
