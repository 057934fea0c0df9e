"""What a training reports: result.json."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from algorithms.autoencoder.detector import AutoencoderDetector
from algorithms.autoencoder.training import Epoch
from algorithms.reporting import TOP, by_share, evaluated_node, metrics_of, thinned
from algorithms.score_files import NodeScores
from algorithms.tabular.source import TableSource
from algorithms.tabular.table import raw_values


def evaluation_metrics(scored: Mapping[str, NodeScores], threshold: float) -> tuple[dict[str, Any], list[str]]:
    """Return the metrics of evaldata (of datasrc without evaldata, or if only it is labelled) and notices."""
    node = evaluated_node({name: of_node.labels for name, of_node in scored.items()})
    metrics, notices = metrics_of(scored[node].scores, scored[node].labels, threshold)
    return {"evaluated_on": node, **metrics}, notices


def loss_history(epochs: Sequence[Epoch]) -> list[dict[str, Any]]:
    """Return the losses of the epochs, of at most 1,000 of them."""
    return [{"epoch": e.epoch, "loss": e.loss, "val_loss": e.val_loss} for e in thinned(epochs)]


def steady_rows_per_second(epochs: Sequence[Epoch]) -> float:
    """Return the median speed of the epochs after the first, which still warms up, or that of the only one."""
    return round(float(np.median([epoch.rows_per_second for epoch in epochs[1:] or epochs])), 1)


def top_anomalies(detector: AutoencoderDetector, source: TableSource, scored: NodeScores) -> list[dict[str, Any]]:
    """Return the ten highest scoring rows, each with its columns by falling contribution and what was expected."""
    rows = scored.order()[:TOP]
    part = source.take(rows)
    expected = detector.scorer.reconstruct_table(part)
    return [
        {
            "row": row,
            "score": float(scored.scores[row]),
            "anomaly": bool(scored.scores[row] > detector.threshold_),
            "label": None if scored.labels is None else int(scored.labels[row]),
            "values": values,
            "contributions": by_share(detector.columns_, scored.contributions[row]),
            "expected": wanted,
        }
        for row, values, wanted in zip(rows.tolist(), raw_values(part), expected, strict=True)
    ]


def examples(detector: AutoencoderDetector, source: TableSource, count: int) -> list[dict[str, Any]]:
    """Return the first rows beside their reconstruction."""
    part = source.take(np.arange(min(count, source.rows)))
    if part.rows == 0:
        return []
    reconstructions = detector.scorer.reconstruct_table(part)
    return [
        {"row": row, "values": values, "reconstruction": reconstruction}
        for row, (values, reconstruction) in enumerate(zip(raw_values(part), reconstructions, strict=True))
    ]
