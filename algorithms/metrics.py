"""Metrics of anomaly scores: a higher score is more anomalous, label 1 is an anomaly."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

Scores = NDArray[np.float64]
Labels = NDArray[np.int8]

QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
NAMED_K = (10, 100)


def precision_at(scores: Scores, labels: Labels, k: int) -> float:
    """Return the share of anomalies among the k rows with the highest scores; among equal ones the earlier row wins."""
    return float(labels[np.argsort(-scores, kind="stable")[:k]].mean())


def score_metrics(scores: Scores, threshold: float) -> dict[str, Any]:
    """Return what needs no labels: the quantiles of the scores (N,), N ≥ 1, and the share above the threshold."""
    flagged = scores > threshold
    return {
        "rows": len(scores),
        "score_quantiles": {f"{q:g}": float(np.quantile(scores, q)) for q in QUANTILES},
        "flagged": int(flagged.sum()),
        "flagged_share": float(flagged.mean()),
    }


def ranking_metrics(scores: Scores, labels: Labels) -> dict[str, float | None]:
    """Return ROC-AUC and average precision of scores (N,) by labels (N,); None unless both classes are there."""
    both = 0 < labels.sum() < len(labels)
    return {
        "roc_auc": float(roc_auc_score(labels, scores)) if both else None,
        "average_precision": float(average_precision_score(labels, scores)) if both else None,
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
