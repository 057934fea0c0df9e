"""The stored scores of a file, mapped from disk, read a few rows at a time.

numpy only: the web process reads them. `score_writing` writes them.
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algorithms.graphbean.texts import Texts

SCORES, PERCENTILES, ANOMALIES, ORDER = "score.npy", "percentile.npy", "anomaly.npy", "order.npy"
DRIVERS, SHARES = "drivers.npy", "shares.npy"
LETTERS, OFFSETS = "kept.{}.npy", "kept.{}.offsets.npy"
"""Texts of the kept columns, by their place among them."""
SUMMARY, TALLY, SAMPLE = "summary.json", "tally.json", "sample.json"

PLACES = (1, 2, 3)
FEW_BYTES = 4096
CSV_ROWS = 4096
"""Rows of a CSV file that are written at a time."""


def output_columns(keep: Sequence[str]) -> list[str]:
    """Return the names of the columns of a file of scores, in their order."""
    drivers = [name for place in PLACES for name in (f"driver_{place}", f"driver_{place}_share")]
    return ["row", *keep, "score", "percentile", "anomaly", *drivers]


def of_part(name: str, part: str | None) -> str:
    """Return the name of such a file for one part of a graph, "u", "v" or "e"; for rows, None, the name itself."""
    stem, _, suffix = name.partition(".")
    return name if part is None else f"{stem}.{part}.{suffix}"


def read_summary(folder: Path) -> dict[str, Any]:
    """Return what was reported of all rows."""
    summary: dict[str, Any] = json.loads((folder / SUMMARY).read_text())
    return summary


class ScoredRows:
    """The scored rows of a file, in the artifact folder of a scoring job.

    A row is a dict: row (its number, from 0), the kept columns within "kept" as texts ("" where missing), score,
    percentile (None if the model has no held-out scores), anomaly, and drivers: [{column, share of the score}], the
    largest first.
    """

    part: str | None = None

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __len__(self) -> int:
        return len(self.score)

    @cached_property
    def summary(self) -> dict[str, Any]:
        """What was reported of all rows."""
        return read_summary(self._folder)

    @cached_property
    def columns(self) -> list[str]:
        """The columns that the model scores."""
        return list(self.summary["columns"])

    @cached_property
    def leading(self) -> list[str]:
        """The columns beside the scores that say whose they are: those of the file that were kept."""
        return list(self.summary["kept"])

    @cached_property
    def threshold(self) -> float | None:
        """What anomalies score above; None if nothing is one by the rule."""
        found: float | None = self.summary["threshold"]
        return found

    @cached_property
    def score(self) -> NDArray[np.float64]:
        """Scores (N,)."""
        return self._mapped(SCORES)

    @cached_property
    def anomaly(self) -> NDArray[np.bool_]:
        """Verdicts (N,)."""
        return self._mapped(ANOMALIES)

    @cached_property
    def order(self) -> NDArray[np.int64]:
        """(N,) row numbers by falling score; of equal scores the earlier row first."""
        return self._mapped(ORDER)

    def rows(self, first: int, last: int, *, by_score: bool = True) -> list[dict[str, Any]]:
        """Return the rows at positions `first` to before `last`, by falling score or in the order of the file."""
        first, last = max(first, 0), max(min(last, len(self)), 0)
        return self._at(self.order[first:last] if by_score else np.arange(first, last))

    def at(self, rows: Sequence[int]) -> list[dict[str, Any]]:
        """Return the rows with these numbers.

        Raises:
            IndexError: there is no such row.
        """
        for row in rows:
            if not 0 <= row < len(self):
                raise IndexError(f"there is no row {row}; there are rows 0 to {len(self) - 1}")
        return self._at(np.array(rows, np.int64))

    def csv(self, *, by_score: bool = False) -> Iterator[str]:
        """Yield the text of a CSV file with all rows, in the order of the file or by falling score."""
        yield _csv_text([output_columns(self.leading)])
        for start in range(0, len(self), CSV_ROWS):
            rows = self.rows(start, start + CSV_ROWS, by_score=by_score)
            yield _csv_text([_cells(row, self._said_first(row)) for row in rows])

    def _who(self, numbers: NDArray[np.int64]) -> list[dict[str, Any]]:
        """Return the fields of rows that say whose scores they are."""
        kept = [texts.take(numbers) for texts in self._kept]
        return [{"kept": dict(zip(self.leading, cells, strict=True))} for cells in zip(*kept, strict=True)] or [
            {"kept": {}} for _ in numbers
        ]

    def _said_first(self, row: Mapping[str, Any]) -> list[Any]:
        """Return the cells of a row in the columns `leading`."""
        return list(row["kept"].values())

    def _at(self, numbers: NDArray[np.int64]) -> list[dict[str, Any]]:
        percentiles = self._percentile
        given = [None] * len(numbers) if percentiles is None else percentiles[numbers].tolist()
        values = zip(
            numbers.tolist(),
            self._who(numbers),
            self.score[numbers].tolist(),
            given,
            self.anomaly[numbers].tolist(),
            self._drivers[numbers].tolist(),
            self._shares[numbers].tolist(),
            strict=True,
        )
        return [
            {
                "row": row,
                **who,
                "score": score,
                "percentile": percentile,
                "anomaly": anomaly,
                "drivers": [
                    {"column": self.columns[column], "share": share}
                    for column, share in zip(drivers, shares, strict=True)
                    if column >= 0
                ],
            }
            for row, who, score, percentile, anomaly, drivers, shares in values
        ]

    @cached_property
    def _percentile(self) -> NDArray[np.float32] | None:
        return self._mapped(PERCENTILES) if (self._folder / of_part(PERCENTILES, self.part)).exists() else None

    @cached_property
    def _drivers(self) -> NDArray[np.int32]:
        return self._mapped(DRIVERS)

    @cached_property
    def _shares(self) -> NDArray[np.float32]:
        return self._mapped(SHARES)

    @cached_property
    def _kept(self) -> list[Texts]:
        return [
            Texts(self._mapped(LETTERS.format(place)), self._mapped(OFFSETS.format(place)))
            for place in range(len(self.leading))
        ]

    def _mapped(self, name: str) -> NDArray[Any]:
        path = self._folder / of_part(name, self.part)
        few = path.stat().st_size < FEW_BYTES  # an array of nothing cannot be mapped
        array: NDArray[Any] = np.load(path, mmap_mode=None if few else "r", allow_pickle=False)
        return array


def _cells(row: Mapping[str, Any], who: Sequence[Any]) -> list[Any]:
    drivers = [cell for each in row["drivers"] for cell in (each["column"], each["share"])]
    drivers += [None] * (2 * len(PLACES) - len(drivers))
    anomaly = "true" if row["anomaly"] else "false"
    return [row["row"], *who, row["score"], row["percentile"], anomaly, *drivers]


def _csv_text(rows: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
