import numpy as np
import pytest

from algorithms.autoencoder.labelling import find_labels
from algorithms.errors import DataError
from algorithms.params import EvaluationParams
from algorithms.tabular.params import TabularFeederParams
from algorithms.tabular.table import Table

PLAIN = TabularFeederParams()


def table(**columns):
    arrays = {
        name: np.array(values, dtype=object if isinstance(values[0], str) else None) for name, values in columns.items()
    }
    return Table(
        {"x": np.arange(len(next(iter(arrays.values()))), dtype=float), **arrays}, len(next(iter(arrays.values())))
    )


def find(train, test=None, feed_train=PLAIN, feed_test=None, **evaluation):
    tables = {"datasrc": train} | ({} if test is None else {"evaldata": test})
    return find_labels(tables, feed_train, feed_test, EvaluationParams(**evaluation))


def test_without_any_label_column_nothing_is_labelled():
    found = find(table(y=[0.0, 1.0]))
    assert found.nodes == {}
    assert found.training is None
    assert found.feeder == PLAIN


def test_the_feeders_label_is_that_of_both_nodes():
    feeder = TabularFeederParams(label_column="y")
    found = find(table(y=[0.0, 1.0]), table(y=[1.0, 1.0, 0.0]), feeder)
    assert found.nodes["datasrc"].tolist() == [0, 1]
    assert found.nodes["evaldata"].tolist() == [1, 1, 0]
    assert found.feeder == feeder


def test_both_nodes_agree_on_which_value_is_the_anomaly():
    feeder = TabularFeederParams(label_column="y")
    found = find(table(y=["bad", "good", "good", "good"]), table(y=["bad", "bad", "good"]), feeder)
    assert found.nodes["datasrc"].tolist() == [1, 0, 0, 0]
    assert found.nodes["evaldata"].tolist() == [1, 1, 0]


def test_a_node_may_hold_one_class_only_when_the_other_has_both():
    feeder = TabularFeederParams(label_column="y", train_on="normal")
    found = find(table(y=[0.0, 0.0]), table(y=[1.0, 0.0]), feeder)
    assert found.training.tolist() == [0, 0]


def test_a_missing_label_is_named_by_the_row_of_its_own_node():
    feeder = TabularFeederParams(label_column="y")
    with pytest.raises(DataError, match="row 2 of evaldata has no label"):
        find(table(y=[0.0, 1.0, 0.0]), table(y=[1.0, np.nan, 0.0]), feeder)


def test_feed_test_names_the_label_of_evaldata():
    found = find(
        table(y=[0.0, 1.0]),
        table(z=[1.0, 0.0]),
        TabularFeederParams(label_column="y"),
        TabularFeederParams(label_column="z"),
    )
    assert found.nodes["evaldata"].tolist() == [1, 0]
    assert found.nodes["datasrc"].tolist() == [0, 1]


def test_the_evaluation_node_wins_and_its_label_is_not_fed_to_the_model():
    found = find(table(y=[0.0, 1.0], z=[1.0, 0.0]), feed_train=TabularFeederParams(label_column="y"), label_column="z")
    assert found.nodes["datasrc"].tolist() == [1, 0]
    assert found.feeder.label_column == "y"
    assert found.feeder.exclude_column == ("z",)


def test_training_on_normal_rows_uses_the_feeders_own_label():
    feeder = TabularFeederParams(label_column="y", train_on="normal")
    found = find(table(y=[0.0, 1.0], z=[1.0, 0.0]), feed_train=feeder, label_column="z")
    assert found.training.tolist() == [0, 1]
    assert found.nodes["datasrc"].tolist() == [1, 0]


def test_a_label_that_only_evaldata_has_labels_only_evaldata():
    found = find(table(a=[0.0, 1.0]), table(z=[1.0, 0.0]), label_column="z")
    assert list(found.nodes) == ["evaldata"]
    assert found.feeder.exclude_column == ()


def test_evaldata_may_lack_the_training_label_and_a_notice_says_so():
    found = find(table(y=[0.0, 1.0]), table(a=[1.0, 0.0]), TabularFeederParams(label_column="y"))
    assert list(found.nodes) == ["datasrc"]
    assert "evaldata has no column y: it is scored without labels" in found.notices


@pytest.mark.parametrize("test", [None, table(a=[1.0, 0.0])])
def test_a_label_that_was_named_must_be_there(test):
    with pytest.raises(DataError, match=r"label_column: no such column: z; (datasrc|evaldata) has: x, ") as caught:
        find(table(y=[0.0, 1.0]), test, label_column="z")
    assert list(caught.value.errors) == ["label_column"]


def test_a_label_that_is_encoded_is_refused():
    feeder = TabularFeederParams(encode_column=("x", "z"))
    with pytest.raises(DataError, match="encode_column of feed_train names the label z") as caught:
        find(table(z=[0.0, 1.0]), feed_train=feeder, label_column="z")
    assert list(caught.value.errors) == ["encode_column"]
