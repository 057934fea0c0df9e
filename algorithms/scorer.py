"""The scorer: the exported network and the fitted encoder in ONNX Runtime and numpy, the path of every score."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from algorithms.errors import ArtifactCorrupt
from algorithms.serving import MODEL_FILE, PREPROCESS_FILE, open_session, read_serving_files, write_serving_files
from algorithms.tabular.encoder import TabularEncoder
from algorithms.tabular.table import Table

CHUNK_VALUES = 2**21
"""Features scored at once: 16 MB a chunk in float64, however many rows come."""
ANSWERED_ROWS = 4096
"""Rows of a request scored at once: beside its answers, little is held."""

Features = NDArray[np.float32]
Row = Mapping[str, Any]


class Scorer:
    """Scores rows by how badly the network reconstructs them; safe to use from several threads.

    The score of a row is the mean of its features' squared errors; a column's contribution is the part of it that its
    features make, so contributions sum to the score. Higher is more anomalous, and above `threshold` is an anomaly.
    """

    def __init__(self, model: bytes, encoder: TabularEncoder, threshold: float, threads: int = 1) -> None:
        self._session = open_session(model, threads)
        self._model = model
        self._encoder = encoder
        starts = [columns.start for columns in encoder.slices.values()]
        self._starts, self._order = np.sort(starts), np.argsort(np.argsort(starts))
        self._chunk = max(1, CHUNK_VALUES // encoder.layout.width)
        self.threshold = threshold

    @classmethod
    def load(cls, folder: Path, threads: int = 1) -> Self:
        """Return the scorer of an artifact folder.

        Raises:
            ArtifactCorrupt: the model or its encoder is missing or was changed.
            ArtifactIncompatible: they have the format of another release.
        """
        model, stored = read_serving_files(folder)
        encoder = TabularEncoder.from_dict(stored["encoder"])
        scorer = cls(model, encoder, stored["threshold"], threads)
        width = scorer._session.get_inputs()[0].shape[1]
        if width != encoder.layout.width:
            raise ArtifactCorrupt(
                f"{MODEL_FILE} takes {width} features, {PREPROCESS_FILE} makes {encoder.layout.width}"
            )
        return scorer

    def save(self, folder: Path) -> None:
        """Write the model and the encoder into a folder that `write_artifact` gave."""
        fitted = {"columns": self.columns, "threshold": self.threshold, "encoder": self._encoder.to_dict()}
        write_serving_files(folder, self._model, fitted)

    @property
    def columns(self) -> list[str]:
        """The columns that are scored, in the order of the contributions."""
        return list(self._encoder.slices)

    def score_matrix(self, features: Features) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the scores (N,) and contributions (N, columns) of features (N, width); finite for finite features."""
        scores = np.empty(len(features))
        contributions = np.empty((len(features), len(self._starts)))
        for rows in self._chunks(len(features)):
            contributions[rows] = self._contributions(features[rows])
            scores[rows] = contributions[rows].sum(axis=1)
        return scores, contributions

    def score_table(self, table: Table) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Return the scores (N,) and contributions (N, columns) of a table, encoding a part of it at a time."""
        scores = np.empty(table.rows)
        contributions = np.empty((table.rows, len(self._starts)), np.float32)
        for rows in self._chunks(table.rows):
            part = table.take(np.arange(rows.start, rows.stop))
            scores[rows], contributions[rows] = self.score_matrix(self._dense(part))
        return scores, contributions

    def score_rows(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        """Return score, anomaly, contributions by column and notices of each row of JSON values.

        Raises:
            RowsInvalid: a row lacks a field, has an unknown one or a value of the wrong type.
        """
        table = self._encoder.table_of_rows(rows)
        answers: list[dict[str, Any]] = []
        for start in range(0, table.rows, ANSWERED_ROWS):
            answers += self._answers(table.take(np.arange(start, min(start + ANSWERED_ROWS, table.rows))))
        return answers

    def encode(self, rows: Sequence[Row]) -> list[list[float]]:
        """Return the code of each row, the network's middle layer. Raises RowsInvalid as `score_rows` does."""
        features = self._dense(self._encoder.table_of_rows(rows))
        codes: list[list[float]] = self._run("code", features).tolist()
        return codes

    def reconstruct(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        """Return each row as the network reconstructs it, in the units of the data. Raises as `score_rows` does."""
        features = self._dense(self._encoder.table_of_rows(rows))
        return self._encoder.decode(self._run("reconstruction", features))

    def reconstruct_table(self, table: Table) -> list[dict[str, Any]]:
        """Return the rows of a small table as the network reconstructs them."""
        return self._encoder.decode(self._run("reconstruction", self._dense(table)))

    def _answers(self, table: Table) -> Iterator[dict[str, Any]]:
        scores, contributions = self.score_matrix(self._dense(table))
        columns, notices = self.columns, self._encoder.unseen(table)
        for score, shares, said in zip(scores.tolist(), contributions.tolist(), notices, strict=True):
            yield {
                "score": score,
                "anomaly": score > self.threshold,
                "contributions": dict(zip(columns, shares, strict=True)),
                "notices": said,
            }

    def _dense(self, table: Table) -> Features:
        return self._encoder.transform(table).dense(self._encoder.layout)

    def _contributions(self, features: Features) -> NDArray[np.float64]:
        """Return each column's part (N, columns) of the mean squared error, in float64: a float32 square overflows."""
        errors = self._run("reconstruction", features).astype(np.float64)
        errors -= features
        np.square(errors, out=errors)
        shares: NDArray[np.float64] = np.add.reduceat(errors, self._starts, axis=1)[:, self._order]
        shares /= features.shape[1]
        return shares

    def _run(self, output: str, features: Features) -> Features:
        """Return an output of the network, (N, width) or (N, code width), always finite.

        Activations of absurd inputs may overflow float32; the largest float32 then stands for infinity, and zero for
        the difference of two infinities.
        """
        values: Features = self._session.run([output], {"features": features})[0]
        if not np.isfinite(values).all():
            np.nan_to_num(values, copy=False)
        return values

    def _chunks(self, rows: int) -> Iterator[slice]:
        return (slice(start, min(start + self._chunk, rows)) for start in range(0, rows, self._chunk))
