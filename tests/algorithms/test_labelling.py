import numpy as np
import pytest

from algorithms.errors import DataError
from algorithms.labelling import label_columns, labels_by_node, unused_settings
from algorithms.tabular.params import TabularFeederParams

BOTH = {"datasrc": ["x", "y"], "evaldata": ["x", "z"]}


@pytest.mark.parametrize(
    ("present", "trained", "tested", "evaluated", "named"),
    [
        (BOTH, None, None, None, {}),
        (BOTH, "x", None, None, {"datasrc": "x", "evaldata": "x"}),
        (BOTH, "y", "z", None, {"datasrc": "y", "evaldata": "z"}),
        (BOTH, "y", None, "x", {"datasrc": "x", "evaldata": "x"}),
        (BOTH, "y", None, "z", {"datasrc": "y", "evaldata": "z"}),
        ({"datasrc": ["x", "y"]}, "y", "z", "x", {"datasrc": "x"}),
    ],
)
def test_the_evaluation_node_wins_then_feed_test_for_evaldata_then_feed_train(
    present, trained, tested, evaluated, named
):
    assert label_columns(present, trained, tested, evaluated)[0] == named


def test_a_node_may_lack_the_label_of_feed_train_and_a_notice_says_so():
    named, notices = label_columns(BOTH, "y", None, None)
    assert named == {"datasrc": "y", "evaldata": "y"}
    assert notices == ["evaldata has no column y: it is scored without labels"]


@pytest.mark.parametrize(
    ("present", "tested", "evaluated"), [(BOTH, "y", None), (BOTH, None, "y"), ({"datasrc": ["x"]}, None, "y")]
)
def test_a_label_that_was_named_for_a_node_must_be_there(present, tested, evaluated):
    with pytest.raises(DataError, match=r"label_column: no such column: y; (datasrc|evaldata) has: x") as caught:
        label_columns(present, None, tested, evaluated)
    assert list(caught.value.errors) == ["label_column"]


def test_nodes_that_share_a_column_agree_on_the_anomaly():
    rare, frequent = np.array(["a", "b", "a", "a"], dtype=object), np.array(["b", "b"], dtype=object)
    labels, notices = labels_by_node({"datasrc": ("kind", rare), "evaldata": ("kind", frequent)})
    assert labels["datasrc"].tolist() == [0, 1, 0, 0]
    assert labels["evaldata"].tolist() == [1, 1]
    assert len(notices) == 1


def test_nodes_agree_when_one_has_the_label_as_numbers_and_the_other_as_text():
    numbers, texts = np.array([0.0, 1.0, 0.0]), np.array(["1", "0"], dtype=object)
    labels, notices = labels_by_node({"datasrc": ("y", numbers), "evaldata": ("y", texts)})
    assert (labels["datasrc"].tolist(), labels["evaldata"].tolist()) == ([0, 1, 0], [1, 0])
    assert notices == ["label y: '1' is the anomaly ('0' is normal), 40 % of the rows"]


def test_a_node_may_have_normal_rows_only_when_the_other_has_anomalies():
    labels, _ = labels_by_node({"datasrc": ("y", np.zeros(2)), "evaldata": ("y", np.array([1.0, 0.0]))})
    assert (labels["datasrc"].tolist(), labels["evaldata"].tolist()) == ([0, 0], [1, 0])


def test_nodes_with_columns_of_their_own_are_read_each_for_itself():
    labels, notices = labels_by_node({"datasrc": ("y", np.array([0.0, 1.0])), "evaldata": ("z", np.array([1.0, 0.0]))})
    assert (labels["datasrc"].tolist(), labels["evaldata"].tolist()) == ([0, 1], [1, 0])
    assert len(notices) == 2


def test_a_missing_label_is_refused_with_its_row():
    with pytest.raises(DataError, match="row 2 of evaldata has no label"):
        labels_by_node({"datasrc": ("y", np.array([0.0, 1.0])), "evaldata": ("y", np.array([1.0, np.nan]))})


@pytest.mark.parametrize(
    "feed_test",
    [
        None,
        TabularFeederParams(),
        TabularFeederParams(label_column="y"),
        TabularFeederParams(vocab_size=3, label_column="z"),
    ],
)
def test_a_feed_test_that_repeats_feed_train_or_says_nothing_gives_no_notice(feed_test):
    assert unused_settings(TabularFeederParams(vocab_size=3, label_column="y"), feed_test) == []


def test_settings_of_feed_test_that_are_not_used_are_named():
    [notice] = unused_settings(TabularFeederParams(), TabularFeederParams(vocab_size=3, exclude_column=("x",)))
    assert notice.startswith("feed_test: not used: exclude_column, vocab_size; ")
