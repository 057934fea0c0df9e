"""The scores of one part of a graph, judged, written, and told of."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algorithms.bulk.drivers import top_drivers
from algorithms.bulk.score_summary import by_share, score_metrics
from algorithms.bulk.score_writing import joined, parquet_writer
from algorithms.bulk.scored import ANOMALIES, DRIVERS, ORDER, PERCENTILES, SCORES, SHARES, of_part
from algorithms.verdicts import Calibration, Verdict

ROWS_AT_ONCE = 1 << 17


@dataclass(frozen=True)
class PartScores:
    """The nodes of one side, or the edges, that were asked for.

    Shapes:
        scores, anomalies: (n,), contributions: (n, columns), percentiles: (n,) or None without held-out scores
        `cut` is what anomalies score above, None if there is none by the rule
    """

    part: str
    columns: tuple[str, ...]
    scores: NDArray[np.float64]
    contributions: NDArray[np.float32]
    anomalies: NDArray[np.bool_]
    percentiles: NDArray[np.float64] | None
    cut: float | None

    @classmethod
    def judged(
        cls,
        part: str,
        columns: tuple[str, ...],
        scores: NDArray[np.float64],
        contributions: NDArray[np.float32],
        verdict: Verdict,
        calibration: Calibration | None,
    ) -> "PartScores":
        """Return scores with their verdicts, those of a batch of their own."""
        percentiles = None if calibration is None else calibration.percentiles(scores)
        anomalies, cut = verdict.flag(scores, calibration), verdict.cut(scores, calibration)
        return cls(part, columns, scores, contributions, anomalies, percentiles, cut)

    @property
    def order(self) -> NDArray[np.int64]:
        """Positions by falling score, of equal ones the earlier first."""
        return np.argsort(-self.scores, kind="stable").astype(np.int64, copy=False)

    def write(self, folder: Path, who: Any) -> None:
        """Write the arrays and a Parquet file, in which `who`, an Arrow table, says whose each score is."""
        drivers, shares = top_drivers(self.scores, self.contributions)
        arrays: dict[str, NDArray[Any]] = {
            SCORES: self.scores,
            ANOMALIES: self.anomalies,
            ORDER: self.order,
            DRIVERS: drivers,
            SHARES: shares,
        }
        if self.percentiles is not None:
            arrays[PERCENTILES] = self.percentiles.astype(np.float32)
        for name, values in arrays.items():
            np.save(folder / of_part(name, self.part), values)
        writer: Any = None
        for start in range(0, len(self.scores), ROWS_AT_ONCE):
            rows = slice(start, min(start + ROWS_AT_ONCE, len(self.scores)))
            table = joined(arrays, rows, who.slice(start, ROWS_AT_ONCE), self.columns)
            writer = writer or parquet_writer(folder / f"scores.{self.part}.parquet", table.schema)
            writer.write_table(table)
        writer.close()

    def told(self) -> dict[str, Any]:
        """Return what the summary says of this part but its highest scores."""
        return {
            "count": len(self.scores),
            "anomalies": int(np.count_nonzero(self.anomalies)),
            "threshold": self.cut,
            "columns": list(self.columns),
            "contributions": by_share(self.columns, self.contributions.mean(axis=0, dtype=np.float64)),
            "score": score_metrics(self.scores),
        }

    def at(self, positions: Sequence[int], contributions: int | None = None) -> list[dict[str, Any]]:
        """Return row, score, percentile, verdict and the largest contributions, by default all, at some positions."""
        return [
            {
                "row": at,
                "score": float(self.scores[at]),
                "percentile": None if self.percentiles is None else float(self.percentiles[at]),
                "anomaly": bool(self.anomalies[at]),
                "contributions": by_share(self.columns, self.contributions[at], contributions),
            }
            for at in positions
        ]
