"""Scores of one block of rows, with all that is told of them: what a thread does with its block."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algorithms.bulk.columns import rows_that_differ
from algorithms.bulk.drivers import DRIVERS, top_drivers
from algorithms.bulk.encoding import encode_block
from algorithms.bulk.incoming import Block
from algorithms.drift.reference import Reference
from algorithms.drift.tally import Tally
from algorithms.scorer import Scorer
from algorithms.verdicts import Calibration

CHUNK_ROWS = 4096
"""Rows scored at a time, whose contributions stay in the processor's cache."""


@dataclass(frozen=True)
class BlockScores:
    """The scored rows of a block, `table` as they came.

    Shapes:
        scores: (N,), percentiles: (N,) or None without held-out scores, drivers, shares: (N, 3)
        sums: (columns,) of the contributions
    """

    block: Block
    table: Any
    scores: NDArray[np.float64]
    percentiles: NDArray[np.float32] | None
    drivers: NDArray[np.int32]
    shares: NDArray[np.float32]
    sums: NDArray[np.float64]
    tally: Tally | None
    told: "Told"


@dataclass
class Told:
    """In how many rows, by column, a value is unseen, missing, or another one than the only one in training."""

    unseen: Counter[str] = field(default_factory=Counter)
    missing: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)

    def update(self, other: "Told") -> None:
        """Add what is told of more rows."""
        self.unseen.update(other.unseen)
        self.missing.update(other.missing)
        self.changed.update(other.changed)

    def to_dict(self, columns: Sequence[str]) -> dict[str, dict[str, int]]:
        """Return the counts in the order of the columns."""
        counts: Mapping[str, Counter[str]] = {
            "unseen": self.unseen, "missing": self.missing, "changed": self.changed
        }  # fmt: skip
        return {kind: {name: of[name] for name in columns if of[name]} for kind, of in counts.items()}


@dataclass(frozen=True)
class BlockScorer:
    """Scores blocks, from several threads at once; without calibration or reference there is less to tell."""

    scorer: Scorer
    calibration: Calibration | None
    reference: Reference | None

    def __call__(self, block: Block) -> BlockScores:
        """Return the scores of a block; those of a row do not depend on the others.

        Raises:
            DataError: a cell is of another type than in training.
        """
        table = block.table()
        encoder = self.scorer.encoder
        encoded = encode_block(table, encoder, first_row=block.first_row)
        scores = np.empty(block.rows)
        contributions = np.empty((block.rows, len(self.scorer.columns)), np.float32)
        drivers, shares = np.empty((block.rows, DRIVERS), np.int32), np.empty((block.rows, DRIVERS), np.float32)
        sums = np.zeros(contributions.shape[1])
        for start in range(0, block.rows, CHUNK_ROWS):
            rows = slice(start, min(start + CHUNK_ROWS, block.rows))
            scores[rows], parts = self.scorer.score_features(encoded.features[rows])
            contributions[rows] = parts
            drivers[rows], shares[rows] = top_drivers(scores[rows], parts)
            sums += parts.sum(axis=0)
        return BlockScores(
            block=block,
            table=table,
            scores=scores,
            percentiles=None
            if self.calibration is None
            else self.calibration.percentiles(scores).astype(np.float32, copy=False),
            drivers=drivers,
            shares=shares,
            sums=sums,
            # The verdicts are known when all rows are scored.
            tally=None if self.reference is None else self.reference.tally(encoded.columns, scores, contributions, 0),
            told=Told(Counter(encoded.unseen), Counter(encoded.missing), Counter(self._changed(table))),
        )

    def _changed(self, table: Any) -> dict[str, int]:
        constants = self.scorer.encoder.constants
        present = [name for name in constants if name in table.column_names]
        return {name: count for name in present if (count := rows_that_differ(table.column(name), constants[name]))}
