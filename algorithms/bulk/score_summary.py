"""What is reported of a scored file as a whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algorithms.bulk.columns import table_of_arrow
from algorithms.bulk.gathered import Chosen
from algorithms.bulk.row_scores import Told
from algorithms.bulk.scored import PLACES
from algorithms.scorer import Scorer
from algorithms.tabular.table import Table, raw_values
from algorithms.tabular.wording import named, percent, quoted

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999)


@dataclass(frozen=True)
class Verdicts:
    """Which rows are anomalies.

    Shapes:
        scores: (N,), anomalies: (N,); `cut` is the score that they exceed, None if no row is one by the rule
    """

    scores: NDArray[np.float64]
    anomalies: NDArray[np.bool_]
    cut: float | None


def score_metrics(scores: NDArray[np.float64]) -> dict[str, Any]:
    """Return least, mean and largest of scores (N,), N ≥ 1, and some quantiles."""
    quantiles = np.quantile(scores, QUANTILES).tolist()
    return {
        "min": float(scores.min()),
        "mean": float(scores.mean()),
        "max": float(scores.max()),
        "quantiles": {str(share): value for share, value in zip(QUANTILES, quantiles, strict=True)},
    }


def top_rows(
    scorer: Scorer, chosen: Chosen, verdicts: Verdicts, percentiles: Sequence[float | None], keep: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the chosen rows with all contributions, largest first, and what the model expected."""
    table = table_of_arrow(chosen.table, scorer.encoder)
    _, contributions = scorer.score_table(table)
    expected = scorer.reconstruct_table(table)
    values = _values(chosen, table, keep)
    return [
        {**row, "percentile": percentile, "values": given, "contributions": parts, "expected": wanted}
        for row, percentile, given, parts, wanted in zip(
            _judged(chosen, verdicts), percentiles, values, _by_share(scorer.columns, contributions), expected,
            strict=True,
        )
    ]  # fmt: skip


def sampled_rows(
    scorer: Scorer, chosen: Chosen | None, verdicts: Verdicts, keep: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the chosen rows with their three largest contributions."""
    if chosen is None:
        return []
    table = table_of_arrow(chosen.table, scorer.encoder)
    _, contributions = scorer.score_table(table)
    largest = _by_share(scorer.columns, contributions, len(PLACES))
    return [
        {**row, "values": given, "contributions": parts}
        for row, given, parts in zip(
            _judged(chosen, verdicts), _values(chosen, table, keep), largest, strict=True
        )
    ]  # fmt: skip


def by_share(columns: Sequence[str], contributions: NDArray[Any], at_most: int | None = None) -> dict[str, float]:
    """Return the contributions (columns,) by name, the largest first."""
    order = np.argsort(-contributions, kind="stable").tolist()[:at_most]
    return {columns[i]: float(contributions[i]) for i in order}


def notices(scorer: Scorer, told: Told, rows: int, *, calibrated: bool, referenced: bool) -> list[str]:
    """Return what a reader of the scores must know."""
    said = []
    for name in scorer.columns:
        if count := told.unseen[name]:
            many = _of(count, rows)
            said.append(
                f"{named(name)} has a value that was not seen in training, or rarely, in {many}; scored as other"
            )
    for name, constant in scorer.encoder.constants.items():
        if count := told.changed[name]:
            said.append(
                f"{named(name)} was {quoted(constant.value)} in every training row and has another value in"
                f" {_of(count, rows)}; the scores know nothing of it"
            )
    lacking = [word for word, there in (("percentiles", calibrated), ("drift", referenced)) if not there]
    if lacking:
        said.append(f"the model was trained by an earlier release: train it again to have {' and '.join(lacking)}")
    return said


def _of(count: int, rows: int) -> str:
    return f"{count:,} of {rows:,} rows ({percent(count / rows)})"


def _judged(chosen: Chosen, verdicts: Verdicts) -> list[dict[str, Any]]:
    scores, anomalies = verdicts.scores[chosen.rows].tolist(), verdicts.anomalies[chosen.rows].tolist()
    return [
        {"row": row, "score": score, "anomaly": anomaly}
        for row, score, anomaly in zip(chosen.rows.tolist(), scores, anomalies, strict=True)
    ]


def _values(chosen: Chosen, table: Table, keep: Sequence[str]) -> list[dict[str, Any]]:
    """Return the columns of the model, and those that are kept, as JSON values."""
    others = [name for name in keep if name not in table.columns]
    kept = chosen.table.select(others).to_pylist() if others else [{}] * table.rows
    return [
        {**{name: _json(value) for name, value in beside.items()}, **values}
        for beside, values in zip(kept, raw_values(table), strict=True)
    ]


def _json(value: Any) -> Any:
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def _by_share(
    columns: Sequence[str], contributions: NDArray[Any], at_most: int | None = None
) -> list[Mapping[str, float]]:
    return [by_share(columns, parts, at_most) for parts in contributions]
