"""Results of runs: metrics, scores, logs."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from algorithms.artifacts import MANIFEST
from workflows import files
from workflows.errors import Conflict, Damaged, Invalid, NotFound
from workflows.models import Job, Rule, Run, RunState
from workflows.services.digests import require_intact
from workflows.services.judging import verdict_of
from workflows.services.score_tables import GraphScoreTable, ScoreTable

MAX_LOG_LINES = 10_000
LOG_BYTES_AT_ONCE = 65_536


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


@contextmanager
def score_table(run: Run, rule: Rule, node: str, part: str | None, *, as_parquet: bool = False) -> Iterator[ScoreTable]:
    """Give the scores of a run for the rows of a data node, or for a `part` of its graph (default: the edges).

    Verdicts are by `rule`, all rows together being one batch. Its files are here while the block runs; what was opened
    in it can be read on. `as_parquet`: only that file is needed.

    Raises:
        Conflict: the run has no result.
        Invalid: a part is asked for, but there is no graph.
        NotFound: the run did not score this node.
        Damaged: the stored scores are not those that were written.
    """
    result = read_result(run)
    if result["detector"] != "graphbean" and part is not None:
        raise Invalid(
            f"run {run.number} of {run.version} scored rows, not a graph",
            {"part": ["belongs to graphbean; leave it out"]},
        )
    is_graph = result["detector"] == "graphbean"
    part = part or "e" if is_graph else None
    verdict = verdict_of(rule, part)
    patterns = (f"scores.{node}*",) if as_parquet else (f"*.{node}*.npy", "calibration*.npy")
    with artifact_of(run, *patterns) as artifact:
        table: ScoreTable
        if is_graph:
            table = GraphScoreTable(artifact, f"{node}.{part}", result["columns"][part], verdict, part)
        else:
            table = ScoreTable(artifact, node, result["columns"], verdict)
        if not table.exists():
            why = "no anomalies were planted" if node == "planted" else "it had no data"
            raise NotFound(f"run {run.number} of {run.version} has no scores of node {node}: {why}")
        yield table


@contextmanager
def artifact_of(run: Run, *patterns: str) -> Iterator[Path]:
    """Give the folder of what a run made; files of it that match a pattern are there, and are what was written.

    Raises:
        Damaged: they are not.
    """
    with ExitStack() as stack:
        try:
            artifact = stack.enter_context(files.local_copy(run.artifact_prefix, MANIFEST, *patterns))
            for pattern in patterns:
                require_intact(artifact, pattern)
        except Damaged as error:
            stack.close()
            files.forget_copy(run.artifact_prefix)
            raise Damaged(f"the scores of run {run.number} cannot be read: {error.message}; train it again") from error
        yield artifact


def tail_log(run: Job, lines: int) -> list[str]:
    """Return the last lines of a run's log, at most MAX_LOG_LINES; none before it started."""
    lines = min(lines, MAX_LOG_LINES)
    position = files.size(run.log_key) or 0
    tail = b""
    while lines and position > 0 and tail.count(b"\n") <= lines:
        start = max(0, position - max(LOG_BYTES_AT_ONCE, len(tail)))  # ever more at once: few questions to a bucket
        tail = files.read(run.log_key, start, position) + tail
        position = start
    if lines == 0:
        return []
    return tail.decode(errors="replace").splitlines()[-lines:]
