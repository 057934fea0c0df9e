import numpy as np
import pytest

from algorithms.graphbean.graph import Parts
from algorithms.graphbean.thresholds import choose_thresholds
from algorithms.threshold import ThresholdRule

TRAINING = Parts(np.arange(0.0, 101), np.arange(0.0, 201, 2), np.arange(0.0, 11))
RANKED = (np.array([1.0, 2.0, 8.0, 9.0]), np.array([0, 0, 1, 1], np.int8))


def values(thresholds):
    return tuple(threshold.value for threshold in thresholds)


def test_each_part_has_the_quantile_of_its_own_scores():
    thresholds, notices = choose_thresholds(ThresholdRule("contamination", 0.1), 0.1, TRAINING)
    assert values(thresholds) == pytest.approx((90, 180, 9))
    assert notices == []


def test_a_fixed_threshold_is_that_of_the_edges_alone():
    thresholds, _ = choose_thresholds(ThresholdRule("fixed", value=3.5), 0.05, TRAINING)
    assert values(thresholds) == pytest.approx((95, 190, 3.5))
    assert [threshold.rule for threshold in thresholds] == ["contamination", "contamination", "fixed"]


def test_the_best_f1_is_found_part_by_part_where_labels_have_both_classes():
    one_class = RANKED[0], np.zeros(4, np.int8)
    thresholds, notices = choose_thresholds(ThresholdRule("best_f1"), 0.1, TRAINING, Parts(RANKED, one_class, None))
    assert values(thresholds) == pytest.approx((5, 180, 9))
    assert [threshold.rule for threshold in thresholds] == ["best_f1", "contamination", "contamination"]
    assert len(notices) == 2
    assert "normal and anomalous v nodes" in notices[0]
    assert "the one that 0.1 of them exceed" in notices[1]
