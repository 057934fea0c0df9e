import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from algorithms.errors import DataError
from algorithms.graphbean.encoder import GraphEncoder
from algorithms.graphbean.labelling import find_labels
from algorithms.graphbean.params import GraphFeederParams
from algorithms.graphbean.reading import read_interactions
from algorithms.params import EvaluationParams

BUYERS = ["ann", "ann", "bob", "bob", "bob", None]
SELLERS = ["x", "x", "x", "y", "y", "y"]
FRAUD = ["no", "yes", "no", "no", "yes", None]  # the last row is left out


@pytest.fixture
def upload(tmp_path):
    def write(name, **columns):
        path = tmp_path / f"{name}.parquet"
        pq.write_table(pa.table({"buyer": BUYERS, "seller": SELLERS, **columns}), path)
        return [path]

    return write


def labels(tables, feed_train, feed_test=None, evaluation=None):
    feeder = GraphFeederParams(u_column="buyer", v_column="seller", **feed_train)
    read = {node: read_interactions(paths, feeder) for node, paths in tables.items()}
    encoder = GraphEncoder.fit(read["datasrc"], feeder)
    graphs = {node: encoder.graph(interactions) for node, interactions in read.items()}
    test = None if feed_test is None else GraphFeederParams(**feed_test)
    return find_labels(tables, graphs, feeder, test, EvaluationParams(**(evaluation or {})))


def lists(parts):
    return tuple(values.tolist() for values in parts)


def test_nodes_and_edges_are_anomalies_from_the_share_of_their_rows_on(upload):
    found = labels({"datasrc": upload("a", fraud=FRAUD)}, {"label_column": "fraud"})
    # ann 1 of 2, bob 1 of 3; x 1 of 3, y 1 of 2; ann-x 1 of 2, bob-x 0 of 1, bob-y 1 of 2
    assert lists(found.nodes["datasrc"]) == ([1, 0], [0, 1], [1, 0, 1])
    assert any("'yes' is the anomaly" in notice and "40 % of the rows" in notice for notice in found.notices)
    assert any("50 % of the rows are anomalies for 1 of 2 u, 1 of 2 v and 2 of 3 edges" in n for n in found.notices)


def test_the_share_is_a_parameter(upload):
    found = labels({"datasrc": upload("a", fraud=FRAUD)}, {"label_column": "fraud", "label_share": 0.3})
    assert lists(found.nodes["datasrc"]) == ([1, 1], [1, 1], [1, 0, 1])


def test_a_row_that_takes_part_needs_a_label(upload):
    with pytest.raises(DataError, match="row 3 of datasrc has no label"):
        labels({"datasrc": upload("a", fraud=["no", "yes", None, "no", "no", None])}, {"label_column": "fraud"})


def test_evaluation_data_may_have_a_label_that_training_lacks(upload):
    tables = {"datasrc": upload("a"), "evaldata": upload("b", fraud=FRAUD)}
    found = labels(tables, {}, {"label_column": "fraud"})
    assert list(found.nodes) == ["evaldata"]
    assert lists(found.nodes["evaldata"]) == ([1, 0], [0, 1], [1, 0, 1])


def test_the_label_of_the_evaluation_node_wins(upload):
    other = ["no", "no", "no", "no", "no", "yes"]
    tables = {"datasrc": upload("a", fraud=FRAUD, other=other)}
    found = labels(tables, {"label_column": "fraud"}, evaluation={"label_column": "other"})
    assert lists(found.nodes["datasrc"]) == ([0, 0], [0, 0], [0, 0, 0])


def test_without_a_label_column_nothing_is_labelled(upload):
    found = labels({"datasrc": upload("a", fraud=FRAUD)}, {})
    assert found.nodes == {}
    assert found.notices == ()


def test_a_label_with_three_values_is_refused(upload):
    with pytest.raises(DataError, match="this column has 3") as caught:
        labels({"datasrc": upload("a", fraud=["no", "yes", "maybe", "no", "no", "no"])}, {"label_column": "fraud"})
    assert list(caught.value.errors) == ["fraud"]


def test_a_label_that_makes_the_graph_is_refused(upload):
    tables = {"datasrc": upload("a", amount=np.array([0.0, 1, 0, 1, 0, 1]))}
    with pytest.raises(DataError, match="numeric_columns of feed_train names the label amount") as caught:
        labels(tables, {"numeric_columns": ["amount"]}, evaluation={"label_column": "amount"})
    assert list(caught.value.errors) == ["numeric_columns"]
