import numpy as np
import pytest

from algorithms.graphbean.graph import BipartiteGraph, Parts

PAIRS = np.array([[0, 0, 2], [0, 1, 1]])


def graph_of(pairs=PAIRS, u=(3, 1), v=(2, 2), e=(3, 1)):
    return BipartiteGraph(pairs, Parts(np.zeros(u), np.zeros(v), np.zeros(e)))


def test_it_knows_its_sizes_widths_and_degrees():
    graph = graph_of()
    assert graph.sizes == (3, 2, 3)
    assert graph.widths == (1, 2, 1)
    degree_u, degree_v = graph.degrees()
    assert degree_u.tolist() == [2, 0, 1]
    assert degree_v.tolist() == [1, 2]


def test_each_pair_has_a_key_of_its_own():
    assert graph_of().keys.tolist() == [0, 1, 5]


def test_a_graph_may_have_no_edge_at_all():
    assert graph_of(np.zeros((2, 0), np.int64), e=(0, 1)).sizes == (3, 2, 0)


@pytest.mark.parametrize(
    ("pairs", "why"),
    [
        ([[0, 0], [1, 1]], "a pair of u and v has more than one edge"),
        ([[0, 3], [1, 1]], r"a u that is not in \[0, 3\)"),
        ([[0, 1], [-1, 1]], r"a v that is not in \[0, 2\)"),
    ],
)
def test_it_refuses_pairs_that_do_not_fit(pairs, why):
    with pytest.raises(ValueError, match=why):
        graph_of(np.array(pairs), e=(2, 1))


def test_it_refuses_attributes_of_another_number_of_edges():
    with pytest.raises(ValueError, match="3 edges but 2 rows"):
        graph_of(e=(2, 1))


def test_it_refuses_an_attribute_that_is_not_finite():
    with pytest.raises(ValueError, match=r"x\.v has a value that is not finite"):
        BipartiteGraph(PAIRS, Parts(np.zeros((3, 1)), np.array([[0.0], [np.nan]]), np.zeros((3, 1))))


def test_parts_map_keeps_the_order():
    assert Parts(1, 2, 3).map(lambda part: 10 * part) == Parts(10, 20, 30)
