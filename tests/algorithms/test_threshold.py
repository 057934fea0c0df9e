import numpy as np
import pytest
from sklearn.metrics import precision_recall_curve

from algorithms.errors import DataError
from algorithms.params import EvaluationParams
from algorithms.threshold import ThresholdRule, choose_threshold

HELD_OUT = np.arange(101.0)


def resolve(threshold=None, **evaluation):
    return ThresholdRule.resolve(EvaluationParams(**evaluation), contamination=0.05, threshold=threshold)


def test_the_network_decides_when_the_evaluation_node_says_nothing():
    assert resolve() == ThresholdRule("contamination", contamination=0.05)
    assert resolve(threshold=3.0) == ThresholdRule("fixed", value=3.0)


def test_the_evaluation_node_wins_over_the_network():
    assert resolve(threshold=3.0, contamination=0.2) == ThresholdRule("contamination", contamination=0.2)
    assert resolve(threshold=3.0, threshold_rule="contamination") == ThresholdRule("contamination", contamination=0.05)
    assert resolve(contamination=None, threshold=3.0, threshold_rule="best_f1") == ThresholdRule("best_f1")
    assert ThresholdRule.resolve(EvaluationParams(threshold=0.0), contamination=0.1, threshold=3.0).value == 0.0


def test_contamination_takes_the_quantile_of_the_held_out_scores():
    chosen = choose_threshold(ThresholdRule("contamination", contamination=0.05), HELD_OUT)
    assert (chosen.value, chosen.rule, chosen.contamination) == (95.0, "contamination", 0.05)
    assert (chosen.value < HELD_OUT).mean() <= 0.05


def test_a_fixed_threshold_is_taken_as_given():
    assert choose_threshold(ThresholdRule("fixed", value=0.0), HELD_OUT).to_dict() == {
        "value": 0.0, "rule": "fixed", "contamination": None,
    }  # fmt: skip


def f1_above(scores, labels, threshold):
    flagged = scores > threshold
    return 2 * (flagged & (labels == 1)).sum() / (flagged.sum() + labels.sum())


@pytest.mark.parametrize("seed", range(8))
def test_best_f1_is_the_best_of_all_thresholds(seed):
    rng = np.random.default_rng(seed)
    labels = (rng.random(200) < 0.2).astype(np.int8)
    scores = (rng.random(200) + 0.4 * labels).round(2)  # with ties
    chosen = choose_threshold(ThresholdRule("best_f1"), HELD_OUT, (scores, labels)).value
    best = max(f1_above(scores, labels, threshold) for threshold in [-1.0, *np.unique(scores)])
    assert f1_above(scores, labels, chosen) == pytest.approx(best)


@pytest.mark.parametrize("seed", range(8))
def test_best_f1_is_that_of_the_curve_of_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    labels = (rng.random(500) < 0.1).astype(np.int8)
    scores = rng.gamma(2.0, size=500).round(seed % 4 + 1) + labels
    precision, recall, lowest = precision_recall_curve(labels, scores)
    f1 = 2 * precision[:-1] * recall[:-1] / np.maximum(precision[:-1] + recall[:-1], 1e-300)
    best = len(f1) - 1 - int(np.argmax(f1[::-1]))
    chosen = choose_threshold(ThresholdRule("best_f1"), HELD_OUT, (scores, labels)).value
    assert lowest[best] > chosen
    assert best == 0 or chosen == lowest[best - 1] + (lowest[best] - lowest[best - 1]) / 2


def test_best_f1_lies_between_the_two_scores():
    scores, labels = np.array([1.0, 2.0, 5.0, 6.0]), np.array([0, 0, 1, 1], np.int8)
    assert choose_threshold(ThresholdRule("best_f1"), HELD_OUT, (scores, labels)).value == 3.5


def test_best_f1_flags_a_row_whose_score_is_the_next_float():
    scores = np.array([1.0, np.nextafter(1.0, 2.0)])
    chosen = choose_threshold(ThresholdRule("best_f1"), HELD_OUT, (scores, np.array([0, 1], np.int8))).value
    assert (scores > chosen).tolist() == [False, True]


@pytest.mark.parametrize("labelled", [None, (np.array([1.0, 2.0]), np.array([0, 0], np.int8))])
def test_best_f1_without_both_kinds_of_rows_is_refused(labelled):
    with pytest.raises(DataError, match="needs labelled rows, normal ones and anomalies") as caught:
        choose_threshold(ThresholdRule("best_f1"), HELD_OUT, labelled)
    assert "threshold_rule" in caught.value.errors
