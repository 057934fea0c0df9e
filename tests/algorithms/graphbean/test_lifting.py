import numpy as np
import pytest

from algorithms.graphbean.encoder import GraphEncoder
from algorithms.graphbean.interactions import Coded, Interactions
from algorithms.graphbean.lifting import lift_labels
from algorithms.graphbean.params import GraphFeederParams


@pytest.fixture
def interactions():
    # The pairs a-x (three rows), a-y, b-y; one row without v.
    columns = {"u": ["a", "a", "b", "a", "a", "a"], "v": ["x", "x", "y", None, "x", "y"]}
    rows = Interactions(6, {name: Coded.of(texts) for name, texts in columns.items()}, {})
    return GraphEncoder.fit(rows, GraphFeederParams(u_column="u", v_column="v")).graph(rows)


def lifted(interactions, share):
    labels = np.array([1, 0, 1, 1, 0, 1], np.int8)
    return [part.tolist() for part in lift_labels(labels, interactions, share)]


def test_a_node_or_edge_is_an_anomaly_from_that_share_of_its_rows_on(interactions):
    # a: 2 of 4, b: 1 of 1; x: 1 of 3, y: 2 of 2; edges 1 of 3, 1 of 1, 1 of 1
    assert lifted(interactions, 0.5) == [[1, 1], [0, 1], [0, 1, 1]]
    assert lifted(interactions, 0.51) == [[0, 1], [0, 1], [0, 1, 1]]
    assert lifted(interactions, 1 / 3) == [[1, 1], [1, 1], [1, 1, 1]]
    assert lifted(interactions, 1.0) == [[0, 1], [0, 1], [0, 1, 1]]


def test_labels_are_int8(interactions):
    assert {part.dtype for part in lift_labels(np.ones(6, np.int8), interactions, 0.5)} == {np.dtype(np.int8)}
