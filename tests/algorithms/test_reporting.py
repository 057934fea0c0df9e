import numpy as np
import pytest

from algorithms.reporting import by_share, evaluated_node, metrics_of, thinned

LABELS = np.array([0, 1], np.int8)


@pytest.mark.parametrize(
    ("labels", "node"),
    [
        ({"datasrc": None}, "datasrc"),
        ({"datasrc": None, "evaldata": None}, "evaldata"),
        ({"datasrc": LABELS, "evaldata": LABELS}, "evaldata"),
        ({"datasrc": LABELS, "evaldata": None}, "datasrc"),
    ],
)
def test_evaldata_is_evaluated_unless_only_datasrc_has_labels(labels, node):
    assert evaluated_node(labels) == node


def test_labels_add_what_needs_them():
    scores = np.array([1.0, 2.0])
    metrics, notices = metrics_of(scores, None, 1.5)
    assert (metrics["rows"], metrics["flagged"], "roc_auc" in metrics, notices) == (2, 1, False, [])
    assert metrics_of(scores, LABELS, 1.5)[0]["roc_auc"] == 1
    assert metrics_of(scores, LABELS * 0, 1.5)[1][0].startswith("all 2 evaluated rows are normal rows")


def test_a_short_history_is_complete_and_a_long_one_is_thinned_and_keeps_its_ends():
    assert thinned([1, 2, 3]) == [1, 2, 3]
    long = thinned(range(5000))
    assert len(long) == 1000
    assert (long[0], long[-1]) == (0, 4999)


def test_contributions_come_by_falling_share_equal_ones_as_they_stand():
    assert list(by_share(["a", "b", "c"], np.array([1, 3, 1], np.float32)).items()) == [
        ("b", 3.0),
        ("a", 1.0),
        ("c", 1.0),
    ]
