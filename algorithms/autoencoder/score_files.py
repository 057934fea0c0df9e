"""The files that hold the scores of a node: arrays for paging, Parquet for downloading."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

ROWS_AT_ONCE = 65_536


@dataclass(frozen=True)
class NodeScores:
    """The scores of all rows of a node, in their order.

    Shapes:
        scores: (N,), contributions: (N, columns), labels: (N,) with 1 for an anomaly, or None
    """

    scores: NDArray[np.float64]
    contributions: NDArray[np.float32]
    labels: NDArray[np.int8] | None

    def order(self) -> NDArray[np.int64]:
        """Return the row numbers from the highest score to the lowest; of equal scores the earlier row first."""
        return np.argsort(-self.scores, kind="stable").astype(np.int64)


def write_scores(folder: Path, node: str, scored: NodeScores, threshold: float, columns: Sequence[str]) -> None:
    """Write `scores`, `order`, `contributions` and, if there are any, `labels` of a node, and all in one Parquet file.

    Rows are numbered from 0. The Parquet file has the columns row, score, anomaly, label (null without labels) and
    `contribution.<column>` for each column.
    """
    np.save(folder / f"scores.{node}.npy", scored.scores)
    np.save(folder / f"order.{node}.npy", scored.order())
    np.save(folder / f"contributions.{node}.npy", scored.contributions)
    if scored.labels is not None:
        np.save(folder / f"labels.{node}.npy", scored.labels)
    schema = pa.schema(
        [("row", pa.int64()), ("score", pa.float64()), ("anomaly", pa.bool_()), ("label", pa.int8())]
        + [(f"contribution.{name}", pa.float32()) for name in columns]
    )
    with pq.ParquetWriter(folder / f"scores.{node}.parquet", schema) as writer:
        for start in range(0, len(scored.scores), ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            scores = scored.scores[rows]
            labels = pa.nulls(len(scores), pa.int8()) if scored.labels is None else scored.labels[rows]
            values = [np.arange(start, start + len(scores)), scores, scores > threshold, labels]
            writer.write_table(pa.table([*values, *scored.contributions[rows].T.copy()], schema=schema))
