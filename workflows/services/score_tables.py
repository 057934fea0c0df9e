"""The stored scores of one data node, mapped from disk and read a page at a time."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from algorithms.graphbean.score_files import StoredPart
from algorithms.verdicts import Calibration, Verdict
from workflows.services.spreadsheets import harmless

CSV_ROWS_AT_ONCE = 5000

Positions = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ScoreTable:
    """The scores of the rows of a data node; `name` is what its files are called by."""

    artifact: Path
    name: str
    columns: Sequence[str]
    verdict: Verdict
    part: str | None = None
    """"u", "v" or "e" of a graph, None of rows."""

    identity: ClassVar[tuple[str, ...]] = ("row",)
    """What tells the entries apart, first in every row."""

    def _array(self, kind: str) -> npt.NDArray[Any]:
        path = self.artifact / f"{kind}.{self.name}.npy"
        array: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
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
    def order(self) -> Positions:
        """(N,) rows, the most anomalous first."""
        return self._array("order")

    @cached_property
    def labels(self) -> npt.NDArray[np.int8] | None:
        """(N,) 1 for an anomaly; None without a label column."""
        return self._array("labels") if (self.artifact / f"labels.{self.name}.npy").exists() else None

    @cached_property
    def threshold(self) -> float | None:
        """What scores are higher of those that are anomalies, all rows together being one batch; None: none is."""
        if self.verdict.rule["rule"] == "fdr":
            return _discovered_above(self.artifact, self.name, self.part, self.verdict.rule["fdr"])
        return self.verdict.cut(self.scores, None)

    def _are_anomalies(self, rows: Positions) -> npt.NDArray[np.bool_]:
        if self.threshold is None:
            return np.zeros(len(rows), np.bool_)
        scores = self.scores[rows]
        flagged: npt.NDArray[np.bool_] = scores > self.threshold
        if self.verdict.rule["rule"] == "top_k" and self.verdict.rule["top_k"] < len(self):
            last = self.order[self.verdict.rule["top_k"] - 1]  # of its score, later rows are too many
            flagged &= (scores != self.scores[last]) | (rows <= last)
        return flagged

    @property
    def parquet(self) -> Path:
        """The file with the whole table, as the training wrote it: its verdicts are those of the rule trained with."""
        return self.artifact / f"scores.{self.name}.parquet"

    def exists(self) -> bool:
        """Tell whether the run made these scores."""
        return (self.artifact / f"scores.{self.name}.npy").exists()

    def __len__(self) -> int:
        return len(self.scores)

    def rows(self, start: int, stop: int, *, by_score: bool) -> list[dict[str, Any]]:
        """Return the rows at positions start to stop of the order."""
        stop = min(stop, len(self))
        rows = self.order[start:stop] if by_score else np.arange(start, stop)
        shares = self.contributions[rows]
        return [
            {
                **identity,
                "score": float(self.scores[row]),
                "anomaly": flagged,
                **({} if self.labels is None else {"label": int(self.labels[row])}),
                "contributions": dict(zip(self.columns, map(float, share), strict=True)),
            }
            for row, identity, flagged, share in zip(
                rows, self._identities(rows), self._are_anomalies(rows).tolist(), shares, strict=True
            )
        ]

    def _identities(self, rows: Positions) -> list[dict[str, Any]]:
        return [{"row": int(row)} for row in rows]

    def csv(self, *, by_score: bool) -> Iterator[str]:
        """Return the table as CSV, some thousand rows at a time; it is read on when its files are gone already."""
        lines = self._csv(by_score=by_score)
        next(lines)  # opens them all
        return lines

    def _csv(self, *, by_score: bool) -> Iterator[str]:
        self.rows(0, 1, by_score=by_score)
        yield ""
        label = [] if self.labels is None else ["label"]
        shares = [f"contribution.{name}" for name in self.columns]
        yield _csv_lines([[*self.identity, "score", "anomaly", *label, *shares]])
        for start in range(0, len(self), CSV_ROWS_AT_ONCE):
            rows = self.rows(start, start + CSV_ROWS_AT_ONCE, by_score=by_score)
            yield _csv_lines([_flat(row) for row in rows])


@dataclass(frozen=True)
class GraphScoreTable(ScoreTable):
    """The scores of a part of a graph, its u nodes, v nodes or edges, each with the ids it was uploaded with."""

    @cached_property
    def _stored(self) -> StoredPart:
        node, _, part = self.name.rpartition(".")
        return StoredPart(self.artifact, node, part)

    @property
    def identity(self) -> tuple[str, ...]:  # type: ignore[override]  # by part
        return (*("uv" if self.part == "e" else str(self.part)), "rows")

    def _identities(self, rows: Positions) -> list[dict[str, Any]]:
        ids = self._stored.ids(rows)
        entries = zip(*ids.values(), self._stored.rows[rows].tolist(), strict=True)
        return [dict(zip((*ids, "rows"), entry, strict=True)) for entry in entries]


@lru_cache(maxsize=1000)
def _discovered_above(artifact: Path, name: str, part: str | None, level: float) -> float | None:
    """Return the threshold of a false discovery rate; found once, since each page of ten million rows asks for it."""
    scores = np.load(artifact / f"scores.{name}.npy", mmap_mode="r", allow_pickle=False)
    return Verdict({"rule": "fdr", "fdr": level}, None).cut(scores, Calibration.read(artifact, part))


def _flat(row: dict[str, Any]) -> list[Any]:
    values = [harmless(value) for name, value in row.items() if name != "contributions"]
    return [*values, *row["contributions"].values()]


def _csv_lines(lines: list[list[Any]]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerows(lines)
    return buffer.getvalue()
