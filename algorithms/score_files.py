"""The files that hold the scores of one table: arrays for paging, Parquet for downloading."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from algorithms.stored_rows import StoredRows

ROWS_AT_ONCE = 65_536

LeadingColumns = Mapping[str, tuple[Any, Callable[[slice], Any]]]
"""Columns of the Parquet file that say which row it is: name → Arrow type, and the values of a slice of the rows."""

ROW_NUMBERS: LeadingColumns = {"row": (pa.int64(), lambda rows: np.arange(rows.start, rows.stop))}


@dataclass(frozen=True)
class NodeScores:
    """The scores of all rows of a table, in their order.

    Shapes:
        scores: (N,), contributions: (N, columns), labels: (N,) with 1 for an anomaly, or None

    The contributions may be in their file already, see `contributions_file`.
    """

    scores: NDArray[np.float64]
    contributions: NDArray[np.float32] | StoredRows
    labels: NDArray[np.int8] | None

    def order(self) -> NDArray[np.int64]:
        """Return the row numbers from the highest score to the lowest; of equal scores the earlier row first."""
        return np.argsort(-self.scores, kind="stable").astype(np.int64, copy=False)


def contributions_file(folder: Path, table: str) -> Path:
    """Return where the contributions of a table are."""
    return folder / f"contributions.{table}.npy"


def write_scores(
    folder: Path,
    table: str,
    scored: NodeScores,
    threshold: float,
    columns: Sequence[str],
    leading: LeadingColumns = ROW_NUMBERS,
) -> None:
    """Write `scores`, `order`, `contributions` and, if there are any, `labels` of a table, and all in one Parquet file.

    The Parquet file has the leading columns (by default `row`, numbered from 0), then score, anomaly, label (null
    without labels) and `contribution.<column>` for each column.
    """
    np.save(folder / f"scores.{table}.npy", scored.scores)
    np.save(folder / f"order.{table}.npy", scored.order())
    if not isinstance(scored.contributions, StoredRows):
        np.save(contributions_file(folder, table), scored.contributions)
    if scored.labels is not None:
        np.save(folder / f"labels.{table}.npy", scored.labels)
    schema = pa.schema(
        [(name, kind) for name, (kind, _) in leading.items()]
        + [("score", pa.float64()), ("anomaly", pa.bool_()), ("label", pa.int8())]
        + [(f"contribution.{name}", pa.float32()) for name in columns]
    )
    texts = [name for name, (kind, _) in leading.items() if kind == pa.string()]
    with pq.ParquetWriter(folder / f"scores.{table}.parquet", schema, use_dictionary=texts) as writer:
        for start in range(0, len(scored.scores), ROWS_AT_ONCE):
            rows = slice(start, min(start + ROWS_AT_ONCE, len(scored.scores)))
            scores = scored.scores[rows]
            labels = pa.nulls(len(scores), pa.int8()) if scored.labels is None else scored.labels[rows]
            values = [*(of(rows) for _, of in leading.values()), scores, scores > threshold, labels]
            writer.write_table(pa.table([*values, *scored.contributions[rows].T.copy()], schema=schema))
