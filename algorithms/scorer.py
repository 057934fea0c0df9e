"""The scorer: the exported network and the fitted encoder in ONNX Runtime and numpy, the path of every score."""

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from algorithms.artifacts import MODEL_FILE, PREPROCESS_FILE
from algorithms.errors import ArtifactCorrupt, ArtifactIncompatible
from algorithms.explanations import explanations
from algorithms.penalties import Penalty, contributions
from algorithms.serving import open_session, read_serving_files, write_serving_files
from algorithms.tabular.constants import changed_in_row, changed_in_rows
from algorithms.tabular.encoder import TabularEncoder
from algorithms.tabular.features import Features
from algorithms.tabular.source import TableSource
from algorithms.tabular.table import Table

CHUNK_VALUES, CHUNK_ROWS = 2**21, 4096
"""Features and rows scored at once: what the network computes stays near the processor, however many rows come."""
ANSWERED_ROWS = 4096
"""Rows of a request scored at once: beside its answers, little is held."""

Row = Mapping[str, Any]


class Scorer:
    """Scores rows by how badly the network reconstructs them; safe to use from several threads.

    A column's contribution is its reconstruction error, counted as `penalty` says, and the score of a row is the sum of
    its contributions. Higher is more anomalous, and above `threshold` is an anomaly.
    """

    def __init__(
        self, model: bytes, encoder: TabularEncoder, penalty: Penalty, threshold: float, *, threads: int = 1
    ) -> None:
        self._session = open_session(model, threads)
        self._model = model
        self._encoder = encoder
        self._penalty: Penalty = penalty
        self._layout = layout = encoder.layout
        self._inputs = {given.name for given in self._session.get_inputs()}
        self._chunk = max(1, min(CHUNK_VALUES // layout.width, CHUNK_ROWS))
        # The contributions are computed in the order of the features and given in that of the columns.
        starts = np.array([features.start for features in encoder.slices.values()])
        self._place = np.argsort(np.argsort(starts))
        self._number_starts = np.sort(starts[starts < layout.numbers])
        ends = [*self._number_starts[1:].tolist(), layout.numbers]
        self._several = [
            (place, features)
            for place, features in enumerate(map(range, self._number_starts.tolist(), ends))
            if len(features) > 1
        ]
        self.threshold = threshold

    @classmethod
    def load(cls, folder: Path, threads: int = 1) -> Self:
        """Return the scorer of an artifact folder.

        Raises:
            ArtifactCorrupt: the model or its encoder is missing or was changed.
            ArtifactIncompatible: they have the format of another release, or are those of a graph.
        """
        model, stored = read_serving_files(folder)
        if "threshold" not in stored:
            raise ArtifactIncompatible("the model scores the parts of a graph, not the rows of a table")
        encoder = TabularEncoder.from_dict(stored["encoder"])
        scorer = cls(model, encoder, stored["penalty"], stored["threshold"], threads=threads)
        widths = {output.name: output.shape[1] for output in scorer._session.get_outputs()}
        width, expected = widths["reconstruction"], encoder.layout.width
        if width != expected:
            raise ArtifactCorrupt(f"{MODEL_FILE} answers {width} features, {PREPROCESS_FILE} makes {expected}")
        return scorer

    def save(self, folder: Path) -> None:
        """Write the model and the encoder into a folder that `write_artifact` gave."""
        fitted = {
            "columns": self.columns,
            "penalty": self._penalty,
            "threshold": self.threshold,
            "encoder": self._encoder.to_dict(),
        }
        write_serving_files(folder, self._model, fitted)

    @property
    def encoder(self) -> TabularEncoder:
        """What turns rows into features."""
        return self._encoder

    @property
    def columns(self) -> list[str]:
        """The columns that are scored, in the order of the contributions."""
        return list(self._encoder.slices)

    def changed(self, source: TableSource) -> Sequence[str]:
        """Return what to say about columns that had one value in training and have others here."""
        return changed_in_rows(self._encoder.constants, source)

    def score_features(self, features: Features) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the scores (N,) and contributions (N, columns) of encoded rows; finite for finite features."""
        shares = np.empty((len(features), len(self._place)))
        for rows in self._chunks(len(features)):
            shares[rows] = self._contributions(features[rows])
        return shares.sum(axis=1), shares

    def score_table(self, table: Table) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Return the scores (N,) and contributions (N, columns) of a table, encoding a part of it at a time."""
        scores = np.empty(table.rows)
        shares = np.empty((table.rows, len(self._place)), np.float32)
        for rows in self._chunks(table.rows):
            part = table.part(rows.start, rows.stop)
            scores[rows], shares[rows] = self.score_features(self._encoder.transform(part))
        return scores, shares

    def score_rows(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        """Return score, anomaly, contributions by column and notices of each row of JSON values.

        Raises:
            RowsInvalid: a row lacks a field, has an unknown one or a value of the wrong type.
        """
        table = self._encoder.table_of_rows(rows)
        answers: list[dict[str, Any]] = []
        for start in range(0, table.rows, ANSWERED_ROWS):
            end = min(start + ANSWERED_ROWS, table.rows)
            answers += self._answers(table.take(np.arange(start, end)), rows[start:end])
        return answers

    def explain_rows(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        """Return what `score_rows` does, each row with its `explanation` (`algorithms.explanations`); raises alike."""
        table = self._encoder.table_of_rows(rows)
        answers: list[dict[str, Any]] = []
        for start in range(0, table.rows, ANSWERED_ROWS):
            part = table.take(np.arange(start, min(start + ANSWERED_ROWS, table.rows)))
            scored = list(self._answers(part, rows[start : start + part.rows]))
            again = self._run("reconstruction", self._encoder.transform(part))
            told = explanations(self._encoder, part, again, [answer["contributions"] for answer in scored])
            answers += [answer | {"explanation": why} for answer, why in zip(scored, told, strict=True)]
        return answers

    def encode(self, rows: Sequence[Row]) -> list[list[float]]:
        """Return the code of each row, the network's middle layer. Raises RowsInvalid as `score_rows` does."""
        features = self._encoder.transform(self._encoder.table_of_rows(rows))
        codes: list[list[float]] = self._run("code", features).tolist()
        return codes

    def reconstruct(self, rows: Sequence[Row]) -> list[dict[str, Any]]:
        """Return each row as the network reconstructs it, in the units of the data. Raises as `score_rows` does."""
        return self.reconstruct_table(self._encoder.table_of_rows(rows))

    def reconstruct_table(self, table: Table) -> list[dict[str, Any]]:
        """Return the rows of a small table as the network reconstructs them."""
        return self._encoder.decode(self._run("reconstruction", self._encoder.transform(table)))

    def _answers(self, table: Table, rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
        scores, shares = self.score_features(self._encoder.transform(table))
        columns, notices = self.columns, self._encoder.unseen(table)
        constants = self._encoder.constants
        for score, parts, said, row in zip(scores.tolist(), shares.tolist(), notices, rows, strict=True):
            yield {
                "score": score,
                "anomaly": score > self.threshold,
                "contributions": dict(zip(columns, parts, strict=True)),
                "notices": [*said, *changed_in_row(constants, row)],
            }

    def _contributions(self, features: Features) -> NDArray[np.float64]:
        """Return each column's part (N, columns) of the score."""
        layout, starts = self._layout, self._number_starts
        differences = self._run("reconstruction", features)
        numbers, slots = differences[:, : layout.numbers], differences[:, layout.numbers :]
        numbers -= features.numbers
        slots[np.arange(len(slots))[:, None], features.slots] -= 1.0
        # In float64: the square of a float32 overflows.
        errors = np.empty((len(differences), len(self._place)))
        if len(starts):
            squares = np.square(numbers, dtype=np.float64)
            errors[:, : len(starts)] = squares[:, starts]
            for place, several in self._several:
                errors[:, place] += reduce(np.add, (squares[:, feature] for feature in several[1:]))
        for place, (first, size) in enumerate(zip(layout.first_slots, layout.blocks, strict=True), start=len(starts)):
            block = slots[:, first : first + size]
            np.einsum("ij,ij->i", block, block, dtype=np.float64, out=errors[:, place])
        return contributions(errors[:, self._place], self._penalty, layout.width)

    def _run(self, output: str, features: Features) -> NDArray[np.float32]:
        """Return an output of the network, (N, width) or (N, code width), always finite.

        Activations of absurd inputs may overflow float32; the largest float32 then stands for infinity, and zero for
        the difference of two infinities.
        """
        given = {"numbers": features.numbers, "slots": features.slots}
        values: NDArray[np.float32] = self._session.run([output], {name: given[name] for name in self._inputs})[0]
        if not np.isfinite(values).all():
            np.nan_to_num(values, copy=False)
        return values

    def _chunks(self, rows: int) -> Iterator[slice]:
        return (slice(start, min(start + self._chunk, rows)) for start in range(0, rows, self._chunk))
