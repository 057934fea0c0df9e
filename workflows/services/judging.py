"""Verdicts on the rows of one request, by the rule in force: together they are one batch, of a graph each part is."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from algorithms.artifacts import MANIFEST
from algorithms.errors import ArtifactError
from algorithms.verdicts import Calibration, Verdict
from workflows import files
from workflows.errors import Damaged
from workflows.models import Rule, Run
from workflows.services.rules import PARTS

KEPT = 24
"""Calibrations in memory, each of at most 0.8 MB."""

Row = dict[str, Any]


def verdict_of(rule: Rule, part: str | None) -> Verdict:
    """Return what a rule means for the rows of a table, or for a part of a graph."""
    return Verdict(rule.rule, None if rule.value is None else rule.value[part or "value"])


def calibration_for(rule: Rule, run: Run, part: str | None) -> Calibration | None:
    """Return the held-out scores that a rule asks for, None if it asks for none.

    Raises:
        Damaged: they are not those that were written.
    """
    return read_calibration(run.artifact_prefix, part) if rule.rule["rule"] == "fdr" else None


@lru_cache(maxsize=KEPT)
def read_calibration(prefix: str, part: str | None) -> Calibration:
    """Return the held-out scores of an artifact, which is never changed."""
    try:
        with files.local_copy(prefix, MANIFEST, "calibration*.npy") as artifact:
            return Calibration.read(artifact, part)
    except (ArtifactError, Damaged) as error:
        files.forget_copy(prefix)
        raise Damaged(f"the calibration of a run cannot be read: {error}; train it again") from error


def judge_rows(rows: Sequence[Row], rule: Rule, run: Run) -> float | None:
    """Set the verdicts of scored rows and return their threshold, None when no score would be an anomaly."""
    return _judge(rows, rule, run, None)


def judge_graph(answer: Mapping[str, Sequence[Row]], rule: Rule, run: Run) -> dict[str, float | None]:
    """Set the verdicts of the nodes and of the edges of scored interactions, and return the thresholds by part.

    An edge is judged once, however many rows it has.
    """
    rows_of_edges: dict[tuple[str, str], list[Row]] = {}
    for row in answer["rows"]:
        rows_of_edges.setdefault((row["u"], row["v"]), []).append(row)
    batches = {**{part: answer[part] for part in "uv"}, "e": [first for first, *_ in rows_of_edges.values()]}
    thresholds = {part: _judge(batches[part], rule, run, part) for part in PARTS}
    for first, *others in rows_of_edges.values():
        said: Row = {name: first[name] for name in ("anomaly", "p_value") if name in first}
        for row in others:
            row.update(said)
    return thresholds


def _judge(rows: Sequence[Row], rule: Rule, run: Run, part: str | None) -> float | None:
    verdict, calibration = verdict_of(rule, part), calibration_for(rule, run, part)
    scores = np.array([row["score"] for row in rows])
    for row, flagged in zip(rows, verdict.flag(scores, calibration).tolist(), strict=True):
        row["anomaly"] = flagged
    if calibration is not None:
        for row, p_value in zip(rows, calibration.p_values(scores).tolist(), strict=True):
            row["p_value"] = p_value
    return verdict.cut(scores, calibration)
