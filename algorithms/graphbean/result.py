"""What a training reports: the parts of result.json."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algorithms.graphbean.baselines import baseline_scores
from algorithms.graphbean.detector import Examined, GraphBEANDetector
from algorithms.graphbean.graph import PARTS, BipartiteGraph, Parts
from algorithms.graphbean.history import Epoch
from algorithms.graphbean.score_writing import ScoredGraph
from algorithms.graphbean.structure import structure_metrics
from algorithms.graphbean.texts import Texts
from algorithms.graphbean.thresholds import NAMES, Labelled
from algorithms.metrics import Labels, ranking_metrics
from algorithms.reporting import TOP, by_share, metrics_of, thinned
from algorithms.score_files import NodeScores

LARGEST = np.finfo(np.float64).max


@dataclass(frozen=True)
class ScoredNode:
    """A scored graph: as it was given, who its nodes are, as the detector sees it, and its labels if there are any.

    Shapes:
        rows: interactions behind each u (U,), v (V,) and edge (E,)
        labels: u (U,), v (V,), e (E,), 1 for an anomaly
    """

    graph: BipartiteGraph
    ids: tuple[Texts, Texts]
    rows: Parts[NDArray[np.int64]]
    examined: Examined
    labels: Parts[Labels] | None

    @property
    def scored(self) -> Parts[NodeScores]:
        """Scores, contributions and labels of each part."""
        scores, contributions = self.examined.scores
        labels: Sequence[Labels | None] = self.labels or (None, None, None)
        return Parts(*map(NodeScores, scores, contributions, labels))

    def labelled(self, part: int) -> Labelled | None:
        """Return scores and labels of a part, None without labels of both classes."""
        if self.labels is None or not 0 < self.labels[part].sum() < len(self.labels[part]):
            return None
        return self.examined.scores.scores[part], self.labels[part]

    @property
    def stored(self) -> ScoredGraph:
        """What is written of it."""
        return ScoredGraph(self.ids, self.graph.edge_index, self.rows, self.scored)


def graph_metrics(detector: GraphBEANDetector, node: ScoredNode) -> tuple[dict[str, Any], list[str]]:
    """Return what is measured on a graph, part by part, and notices about what is undefined.

    `rmse` is in scaled units, `structure` the prediction of its edges. With labels of both classes, `baselines` have
    what three scores without a network reach, for comparison; else they are None.
    """
    metrics: dict[str, Any] = {}
    notices = []
    for i, part in enumerate(PARTS):
        scored = node.scored[i]
        metrics[part], said = metrics_of(scored.scores, scored.labels, detector.threshold_[i])
        notices += [f"{NAMES[i]}: {notice}" for notice in said]
    metrics["rmse"] = _rmse(detector, node.examined)
    metrics["structure"] = structure_metrics(detector.fitted_.network, node.examined.graph, detector.params)
    metrics["baselines"] = _baselines(node.examined.graph, node.labels, detector.params.seed)
    return metrics, notices


def loss_history(epochs: Sequence[Epoch]) -> list[dict[str, Any]]:
    """Return the losses and the prediction of edges of the epochs, of at most 1,000 of them."""
    history = [epoch.to_dict() for epoch in thinned(epochs)]
    return [{name: value for name, value in epoch.items() if name != "seconds"} for epoch in history]


def top_anomalies(detector: GraphBEANDetector, node: ScoredNode) -> dict[str, list[dict[str, Any]]]:
    """Return for each part the ten that score highest, with what made the score, their attributes and those expected.

    Attributes are in the units of the data.
    """
    return {part: _top(detector, node, i) for i, part in enumerate(PARTS)}


def _top(detector: GraphBEANDetector, node: ScoredNode, i: int) -> list[dict[str, Any]]:
    part, scored, threshold = PARTS[i], node.scored[i], detector.threshold_[i]
    at = scored.order()[:TOP]
    names, columns = detector.fitted_.attributes[i], detector.columns_[i]
    reconstructed = node.examined.graph.x[i][at] + node.examined.residuals.x[i][at]
    # The scaled attributes may have the degree behind those of the data.
    expected = detector.fitted_.scaling.columns[i].restore(reconstructed.astype(np.float64))[:, : len(names)]
    return [
        {
            **{side: node.ids["uv".index(side)][position] for side, position in _ends(node.graph, part, place)},
            "rows": int(node.rows[i][place]),
            "score": float(scored.scores[place]),
            "anomaly": bool(scored.scores[place] > threshold),
            "label": None if scored.labels is None else int(scored.labels[place]),
            "contributions": by_share(columns, scored.contributions[place]),
            "values": _named_values(names, node.graph.x[i][place]),
            "expected": _named_values(names, wanted),
        }
        for place, wanted in zip(at.tolist(), expected, strict=True)
    ]


def _ends(graph: BipartiteGraph, part: str, place: int) -> list[tuple[str, int]]:
    return [(part, place)] if part != "e" else list(zip("uv", graph.edge_index[:, place].tolist(), strict=True))


def _named_values(names: Sequence[str], values: NDArray[Any]) -> dict[str, float]:
    return dict(zip(names, np.clip(values.astype(np.float64), -LARGEST, LARGEST).tolist(), strict=True))


def _rmse(detector: GraphBEANDetector, examined: Examined) -> dict[str, Any]:
    names = detector.fitted_.scaling.names(detector.fitted_.attributes)
    rmse = {}
    for part, columns, errors in zip(PARTS, names, examined.residuals.x, strict=True):
        squares = np.einsum("ij,ij->j", errors, errors, dtype=np.float64) / len(errors)
        by_attribute = dict(zip(columns, np.sqrt(squares).tolist(), strict=True))
        rmse[part] = {"all": float(np.sqrt(squares.mean())), "by_attribute": by_attribute}
    return rmse


def _baselines(graph: BipartiteGraph, labels: Parts[Labels] | None, seed: int) -> dict[str, dict[str, Any]] | None:
    if labels is None or not any(0 < own.sum() < len(own) for own in labels):
        return None
    return {
        name: {part: ranking_metrics(scores[i], labels[i]) for i, part in enumerate(PARTS)}
        for name, scores in baseline_scores(graph, seed).items()
    }
