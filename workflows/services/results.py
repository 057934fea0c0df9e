"""Results of runs: metrics, scores, logs."""

import csv
import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from workflows.errors import Conflict, NotFound
from workflows.models import Run, RunState

MAX_LOG_LINES = 10_000
CSV_ROWS_AT_ONCE = 5000


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


@dataclass(frozen=True)
class ScoreTable:
    """The stored scores of one data node, mapped from disk, never read whole."""

    artifact: Path
    node: str
    columns: Sequence[str]
    threshold: float

    def _array(self, name: str) -> npt.NDArray[Any]:
        array: npt.NDArray[Any] = np.load(self.artifact / f"{name}.{self.node}.npy", mmap_mode="r", allow_pickle=False)
        return array

    @cached_property
    def scores(self) -> npt.NDArray[np.float64]:
        """(N,) by row."""
        return self._array("scores")

    @cached_property
    def contributions(self) -> npt.NDArray[np.float32]:
        """(N, columns) by row."""
        return self._array("contributions")

    @cached_property
    def order(self) -> npt.NDArray[np.int64]:
        """(N,) rows, the most anomalous first."""
        return self._array("order")

    @cached_property
    def labels(self) -> npt.NDArray[np.int8] | None:
        """(N,) 1 for an anomaly; None without a label column."""
        return self._array("labels") if (self.artifact / f"labels.{self.node}.npy").exists() else None

    def __len__(self) -> int:
        return len(self.scores)

    def rows(self, start: int, stop: int, *, by_score: bool) -> list[dict[str, Any]]:
        """Return the rows at positions start to stop of the order."""
        stop = min(stop, len(self))
        rows = self.order[start:stop] if by_score else np.arange(start, stop)
        shares = self.contributions[rows]
        return [
            {
                "row": int(row),
                "score": float(self.scores[row]),
                "anomaly": bool(self.scores[row] > self.threshold),
                **({} if self.labels is None else {"label": int(self.labels[row])}),
                "contributions": dict(zip(self.columns, map(float, share), strict=True)),
            }
            for row, share in zip(rows, shares, strict=True)
        ]

    def csv(self, *, by_score: bool) -> Iterator[str]:
        """Yield the table as CSV, some thousand rows at a time."""
        label = [] if self.labels is None else ["label"]
        yield _csv_lines([["row", "score", "anomaly", *label, *(f"contribution.{name}" for name in self.columns)]])
        for start in range(0, len(self), CSV_ROWS_AT_ONCE):
            rows = self.rows(start, start + CSV_ROWS_AT_ONCE, by_score=by_score)
            yield _csv_lines([_flat(row) for row in rows])


def _flat(row: dict[str, Any]) -> list[Any]:
    labels = [row["label"]] if "label" in row else []
    return [row["row"], row["score"], int(row["anomaly"]), *labels, *row["contributions"].values()]


def _csv_lines(lines: list[list[Any]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerows(lines)
    return buffer.getvalue()


def score_table(run: Run, node: str) -> ScoreTable:
    """Return the scores that a run gave to the rows of a data node.

    Raises:
        Conflict: the run has no result.
        NotFound: the run did not score this node.
    """
    result = read_result(run)
    if not (run.artifact / f"scores.{node}.npy").exists():
        raise NotFound(f"run {run.number} of {run.version} has no scores of node {node}: it had no data")
    return ScoreTable(run.artifact, node, result["columns"], result["threshold"]["value"])


def parquet_file(run: Run, node: str) -> Path:
    """Return the Parquet file with all scores of a data node."""
    score_table(run, node)
    return run.artifact / f"scores.{node}.parquet"


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
