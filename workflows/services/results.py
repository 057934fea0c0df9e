"""Results of runs: metrics, scores, logs."""

import os
from typing import Any

from algorithms.graphbean.score_files import StoredPart
from workflows.errors import Conflict, Invalid, NotFound
from workflows.models import Run, RunState
from workflows.services.score_tables import GraphScoreTable, ScoreTable

MAX_LOG_LINES = 10_000


def require_succeeded(run: Run) -> None:
    """Raise Conflict unless the run has a model and a result."""
    if run.state != RunState.SUCCEEDED:
        raise Conflict(f"run {run.number} of {run.version} is {run.state}: it has no result")


def read_result(run: Run) -> dict[str, Any]:
    """Return the result of a succeeded run.

    Raises:
        Conflict: the run has none (yet).
    """
    require_succeeded(run)
    return dict(run.result or {})


def score_table(run: Run, node: str, part: str | None) -> ScoreTable:
    """Return the scores that a run gave to the rows of a data node, or to a `part` of its graph (default: the edges).

    Raises:
        Conflict: the run has no result.
        Invalid: a part is asked for, but there is no graph.
        NotFound: the run did not score this node.
    """
    result = read_result(run)
    table: ScoreTable
    if result["detector"] == "graphbean":
        part = part or "e"
        columns, threshold = result["columns"][part], result["threshold"][part]
        stored = StoredPart(run.artifact, node, part)
        table = GraphScoreTable(run.artifact, f"{node}.{part}", columns, threshold, stored)
    elif part is None:
        table = ScoreTable(run.artifact, node, result["columns"], result["threshold"]["value"])
    else:
        raise Invalid(
            f"run {run.number} of {run.version} scored rows, not a graph",
            {"part": ["belongs to graphbean; leave it out"]},
        )
    if not table.exists():
        why = "no anomalies were planted" if node == "planted" else "it had no data"
        raise NotFound(f"run {run.number} of {run.version} has no scores of node {node}: {why}")
    return table


def tail_log(run: Run, lines: int) -> list[str]:
    """Return the last lines of a run's log, at most MAX_LOG_LINES; none before it started."""
    lines = min(lines, MAX_LOG_LINES)
    if lines == 0 or not run.log.exists():
        return []
    with run.log.open("rb") as log:
        position = log.seek(0, os.SEEK_END)
        tail = b""
        while position > 0 and tail.count(b"\n") <= lines:
            step = min(65_536, position)
            position -= step
            log.seek(position)
            tail = log.read(step) + tail
    return tail.decode(errors="replace").splitlines()[-lines:]
