"""Metrics of anomaly scores: a higher score is more anomalous, label 1 is an anomaly."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]
Labels = NDArray[np.int8]

QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
NAMED_K = (10, 100)


def precision_at(scores: Scores, labels: Labels, k: int) -> float:
    """Return the share of anomalies among the k rows with the highest scores; among equal ones the earlier row wins."""
    last = np.partition(scores, len(scores) - k)[len(scores) - k]
    above = scores > last
    equal = labels[scores == last][: k - np.count_nonzero(above)]
    return float(labels[above].sum() + equal.sum()) / k


def score_metrics(scores: Scores, threshold: float) -> dict[str, Any]:
    """Return what needs no labels: the quantiles of the scores (N,), N ≥ 1, and the share above the threshold."""
    flagged, quantiles = scores > threshold, np.quantile(scores, QUANTILES).tolist()
    return {
        "rows": len(scores),
        "score_quantiles": {f"{q:g}": value for q, value in zip(QUANTILES, quantiles, strict=True)},
        "flagged": int(flagged.sum()),
        "flagged_share": float(flagged.mean()),
    }


def ranking_metrics(scores: Scores, labels: Labels) -> dict[str, float | None]:
    """Return ROC-AUC and average precision of scores (N,) by labels (N,); None unless both classes are there.

    Both as scikit-learn defines them, equal scores being flagged together, in a quarter of its time and memory: nothing
    but the sorted scores is as long as they are.
    """
    anomalies, normal = np.sort(scores[labels == 1]), np.sort(scores[labels != 1])
    if not len(anomalies) or not len(normal):
        return {"roc_auc": None, "average_precision": None}
    lower = np.searchsorted(normal, anomalies, "left")  # normal rows that score lower than each anomaly
    equal = np.searchsorted(normal, anomalies, "right") - lower
    true = len(anomalies) - np.searchsorted(anomalies, anomalies, "left")  # anomalies that score as high
    return {
        "roc_auc": float((lower + equal / 2).sum() / (len(anomalies) * len(normal))),
        "average_precision": float((true / (true + len(normal) - lower)).mean()),
    }


def label_metrics(
    scores: Scores, labels: Labels, threshold: float, *, ks: Sequence[int] = NAMED_K
) -> tuple[dict[str, Any], list[str]]:
    """Return the metrics of labelled rows as JSON values, and notices about those that are None.

    `precision_at_k` has, in rising order, those of `ks` that are smaller than N, and the number of anomalies.
    """
    anomalies, rows = int(labels.sum()), len(labels)
    both = 0 < anomalies < rows
    flagged, actual = scores > threshold, labels == 1
    tp, fp = int((flagged & actual).sum()), int((flagged & ~actual).sum())
    fn, tn = anomalies - tp, rows - anomalies - fp
    at = sorted({k for k in ks if k < rows} | ({anomalies} if anomalies else set()))
    metrics = {
        "anomalies": anomalies,
        **ranking_metrics(scores, labels),
        "precision": _ratio(tp, tp + fp),
        "recall": _ratio(tp, tp + fn),
        "f1": _ratio(2 * tp, 2 * tp + fp + fn),
        "precision_at_k": [{"k": k, "precision": precision_at(scores, labels, k)} for k in at],
        "confusion_matrix": {"tn": tn, "fp": fp, "fn": fn, "tp": tp},
    }
    notices = []
    if not both:
        only = "anomalies" if anomalies else "normal rows"
        notices.append(f"all {rows} evaluated rows are {only}: roc_auc and average_precision need both")
    if tp + fp == 0:
        notices.append(f"no evaluated row scores above the threshold {threshold:g}: precision is undefined")
    return metrics, notices


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
