"""The reference: how the training data fell into bins, which later rows are counted in and compared with."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from algorithms.artifacts import REFERENCE_FILE, verify_artifact
from algorithms.drift.bins import Bins, Counts, NumberBins, bins_from_dict
from algorithms.drift.tally import Counted, Tally, evenly, mean_of
from algorithms.errors import ArtifactIncompatible

FORMAT = 1
ROUNDING = 2**12


@dataclass(frozen=True, eq=False)
class BinnedColumn:
    """The bins of a column and how many training rows are in each, (bins,)."""

    bins: Bins
    counts: Counts


@dataclass(frozen=True, eq=False)
class BinnedNumbers:
    """The bins of scores, or of a column's contributions; how many training rows are in each, and their mean."""

    bins: NumberBins
    counted: Counted

    def tally(self, values: NDArray[Any]) -> Counted:
        """Return how many of the values (N,) are in each bin, and their mean."""
        return Counted(self.bins.count(values), mean_of(values))

    @classmethod
    def fit(cls, values: NDArray[Any], least: float = 0.0) -> Self:
        """Return the values (N,), at least one and none negative, in 10 bins of as many each.

        Those of `least` at most share the first. Edges lie between values that differ by more than 0.02 %, so that
        another machine, which computes other last digits, counts in the same bins.
        """
        mantissas, exponents = np.frexp(np.maximum(values.astype(np.float64), least))
        rounded = np.ldexp(np.round(mantissas * ROUNDING) / ROUNDING, exponents)
        edges = NumberBins.fit("number", rounded).edges
        if rounded.min() == rounded.max():
            edges = rounded[0] * np.array([1 - 4 / ROUNDING, 1 + 4 / ROUNDING])
        bins = NumberBins("number", edges[edges >= least])
        return cls(bins, Counted(bins.count(values), mean_of(values)))


@dataclass(frozen=True, eq=False)
class Reference:
    """How `rows` training rows fell into bins: of each column, of the scores, of each column's contribution to them.

    Of many rows only a part is counted; see who makes the reference, `algorithms.autoencoder.reference` and
    `algorithms.graphbean.reference`.
    """

    rows: int
    columns: Mapping[str, BinnedColumn]
    scores: BinnedNumbers
    contributions: Mapping[str, BinnedNumbers]

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Return the reference of an artifact folder, of which the manifest and this one file must be there.

        Raises:
            ArtifactIncompatible: the artifact was written by an earlier release, which made no reference.
            ArtifactCorrupt: the file is missing or was changed.
        """
        if REFERENCE_FILE not in verify_artifact(folder, ())["files"]:
            raise ArtifactIncompatible(
                f"artifact {folder.name} has no {REFERENCE_FILE}, so drift cannot be told: it was trained by an earlier"
                " release; train the model again"
            )
        verify_artifact(folder, (REFERENCE_FILE,))
        return cls.from_dict(json.loads((folder / REFERENCE_FILE).read_text()))

    def write(self, folder: Path) -> None:
        """Write the reference into a folder that `write_artifact` gave."""
        (folder / REFERENCE_FILE).write_text(json.dumps(self.to_dict(), allow_nan=False))

    @property
    def contribution_means(self) -> dict[str, float]:
        """Mean contribution of each column to the scores in training."""
        return {name: binned.counted.mean for name, binned in self.contributions.items()}

    def tally(
        self,
        columns: Mapping[str, NDArray[Any]],
        scores: NDArray[np.float64],
        contributions: NDArray[np.floating[Any]],
        anomalies: int,
    ) -> Tally:
        """Return how many rows of a block are in each bin.

        Of more than 8,192 rows so many are counted, drawn evenly (`evenly`), and the tally's `counted` says it. Columns
        come as a `Table` has them, categories as values, since slots do not tell unseen from rare. Those that the
        reference does not have are passed over. The parts of a graph have each their own number of rows.

        Shapes:
            columns: name → (rows,), scores: (N,), contributions: (N, C), columns as in `contributions`

        Raises:
            ValueError: there are not as many contributions as in training.
        """
        if contributions.shape != (len(scores), len(self.contributions)):
            raise ValueError(
                f"contributions have shape {contributions.shape}; expected ({len(scores)}, {len(self.contributions)})"
            )
        if not len(scores):
            return Tally()
        chosen = evenly(len(scores))
        of_columns = np.ascontiguousarray(contributions[chosen].T)
        return Tally(
            rows=len(scores),
            anomalies=anomalies,
            counted=of_columns.shape[1] if len(of_columns) else len(scores[chosen]),
            columns={
                name: binned.bins.count(columns[name][evenly(len(columns[name]))])
                for name, binned in self.columns.items()
                if name in columns
            },
            scores=self.scores.tally(scores[chosen]),
            contributions={
                name: binned.tally(values)
                for (name, binned), values in zip(self.contributions.items(), of_columns, strict=True)
            },
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the reference as JSON values."""
        return {
            "format": FORMAT,
            "rows": self.rows,
            "columns": [
                {"name": name, "bins": binned.bins.to_dict(), "counts": binned.counts.tolist()}
                for name, binned in self.columns.items()
            ],
            "scores": _stored(self.scores),
            "contributions": [{"name": name, **_stored(binned)} for name, binned in self.contributions.items()],
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return the reference that `to_dict` stored.

        Raises:
            ArtifactIncompatible: it was stored in another format.
        """
        if stored.get("format") != FORMAT:
            raise ArtifactIncompatible(
                f"{REFERENCE_FILE} has format {stored.get('format')}, this release reads format {FORMAT}:"
                " train the model again"
            )
        return cls(
            stored["rows"],
            {
                column["name"]: BinnedColumn(bins_from_dict(column["bins"]), np.array(column["counts"], np.int64))
                for column in stored["columns"]
            },
            _restored(stored["scores"]),
            {column["name"]: _restored(column) for column in stored["contributions"]},
        )


def _stored(binned: BinnedNumbers) -> dict[str, Any]:
    return {"edges": binned.bins.edges.tolist(), **binned.counted.to_json()}


def _restored(stored: Mapping[str, Any]) -> BinnedNumbers:
    return BinnedNumbers(NumberBins("number", np.array(stored["edges"], np.float64)), Counted.from_json(stored))
