import json

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from algorithms.metrics import label_metrics, precision_at, ranking_metrics, score_metrics

SCORES = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
LABELS = np.array([1, 0, 1, 0, 0, 0], np.int8)


def test_precision_at_k_breaks_ties_by_row():
    assert precision_at(SCORES, LABELS, 3) == pytest.approx(2 / 3)
    assert precision_at(np.zeros(6), LABELS, 1) == 1.0


@pytest.mark.parametrize("decimals", [1, 2, 8])
def test_ranking_metrics_equal_those_of_scikit_learn_with_few_and_many_equal_scores(decimals):
    generator = np.random.default_rng(decimals)
    labels = generator.integers(0, 2, 500, np.int8)
    scores = np.round(generator.normal(size=500) + 0.7 * labels, decimals)
    assert ranking_metrics(scores, labels) == {
        "roc_auc": pytest.approx(roc_auc_score(labels, scores), rel=1e-12),
        "average_precision": pytest.approx(average_precision_score(labels, scores), rel=1e-12),
    }


@pytest.mark.parametrize("k", [1, 7, 250, 499, 500])
def test_precision_at_k_is_that_of_the_first_k_in_the_order_of_the_scores(k):
    generator = np.random.default_rng(k)
    labels, scores = generator.integers(0, 2, 500, np.int8), np.round(generator.normal(size=500), 1)
    assert precision_at(scores, labels, k) == labels[np.argsort(-scores, kind="stable")[:k]].mean()


def test_the_metrics_of_labelled_rows_by_hand():
    metrics, notices = label_metrics(SCORES, LABELS, 0.65, ks=(1, 4, 50))
    assert metrics["anomalies"] == 2
    assert metrics["confusion_matrix"] == {"tn": 3, "fp": 1, "fn": 0, "tp": 2}
    assert (metrics["precision"], metrics["recall"]) == (pytest.approx(2 / 3), 1.0)
    assert metrics["f1"] == pytest.approx(0.8)
    assert metrics["roc_auc"] == pytest.approx(7 / 8)
    assert metrics["average_precision"] == pytest.approx((1 + 2 / 3) / 2)
    assert metrics["precision_at_k"] == [
        {"k": 1, "precision": 1.0},
        {"k": 2, "precision": 0.5},
        {"k": 4, "precision": 0.5},
    ]
    assert notices == []


def test_each_k_is_measured_once():
    metrics, _ = label_metrics(SCORES, LABELS, 0.65, ks=(2, 2, 1))
    assert [entry["k"] for entry in metrics["precision_at_k"]] == [1, 2]


@pytest.mark.parametrize(("label", "word"), [(0, "normal rows"), (1, "anomalies")])
def test_one_class_only_gives_null_and_a_notice(label, word):
    metrics, notices = label_metrics(SCORES, np.full(6, label, np.int8), 0.65)
    assert metrics["roc_auc"] is None
    assert metrics["average_precision"] is None
    assert notices == [f"all 6 evaluated rows are {word}: roc_auc and average_precision need both"]


def test_no_flagged_row_gives_a_null_precision_and_a_notice():
    metrics, notices = label_metrics(SCORES, LABELS, 1.0)
    assert metrics["precision"] is None
    assert (metrics["recall"], metrics["f1"]) == (0.0, 0.0)
    assert notices == ["no evaluated row scores above the threshold 1: precision is undefined"]


def test_scores_alone_give_quantiles_and_the_flagged_share():
    metrics = score_metrics(np.arange(101.0), 94.0)
    assert metrics["rows"] == 101
    assert metrics["flagged"] == 6
    assert metrics["flagged_share"] == pytest.approx(6 / 101)
    assert metrics["score_quantiles"] == {
        "0": 0, "0.01": 1, "0.05": 5, "0.25": 25, "0.5": 50, "0.75": 75, "0.95": 95, "0.99": 99, "1": 100,
    }  # fmt: skip


@pytest.mark.parametrize("labels", [LABELS, np.zeros(6, np.int8), np.ones(6, np.int8)])
def test_everything_is_json_without_nan(labels):
    json.dumps([score_metrics(SCORES, 2.0), label_metrics(SCORES, labels, 2.0)], allow_nan=False)
