"""Parts of a result that every detector reports."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from algorithms.metrics import Labels, Scores, label_metrics, score_metrics

TOP = 10
"""So many of the most anomalous are shown with their reasons."""
MOST_EPOCHS = 1000
"""Longer histories are thinned: a curve needs no more points, and a result stays readable."""

T = TypeVar("T")


def evaluated_node(labels: Mapping[str, Any]) -> str:
    """Return the node that is evaluated, given all scored nodes and their labels, None if they have none.

    It is evaldata, but datasrc without evaldata or if only it is labelled.
    """
    node = "evaldata" if "evaldata" in labels else "datasrc"
    return "datasrc" if labels[node] is None and labels["datasrc"] is not None else node


def metrics_of(scores: Scores, labels: Labels | None, threshold: float) -> tuple[dict[str, Any], list[str]]:
    """Return the metrics of scores (N,), with those of labels (N,) if there are any, and notices of undefined ones."""
    metrics = score_metrics(scores, threshold)
    if labels is None:
        return metrics, []
    measured, notices = label_metrics(scores, labels, threshold)
    return {**metrics, **measured}, notices


def thinned(epochs: Sequence[T]) -> list[T]:
    """Return the epochs, at most 1,000 of them, evenly chosen with the first and the last."""
    chosen = np.unique(np.linspace(0, len(epochs) - 1, min(len(epochs), MOST_EPOCHS)).round().astype(int))
    return [epochs[i] for i in chosen.tolist()]


def by_share(columns: Sequence[str], contributions: NDArray[np.float32]) -> dict[str, float]:
    """Return the contributions (columns,) by name, the largest first."""
    order = np.argsort(-contributions, kind="stable").tolist()
    return {columns[i]: float(contributions[i]) for i in order}
