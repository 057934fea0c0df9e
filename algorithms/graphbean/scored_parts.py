"""The stored scores of a file of interactions: a table for the pairs, one for each kind of node.

numpy only: the web process reads them. `score_interactions` writes them.
"""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algorithms.bulk.scored import ScoredRows
from algorithms.graphbean.score_files import StoredPart

BATCH = "batch"
"""What the file is called among the scored nodes of `score_files`."""
WHO = {"u": ("u", "rows"), "v": ("v", "rows"), "e": ("u", "v", "rows")}
"""Columns that say whose score it is."""


class ScoredPart(ScoredRows):
    """The scored pairs ("e") of a file, or the nodes of one side of them ("u", "v"), in the artifact of a scoring job.

    A row is as that of `ScoredRows`, numbered among its part; in the place of kept columns it has the ids u, v or both,
    and rows, how many interactions of the file are behind it.
    """

    def __init__(self, folder: Path, part: str) -> None:
        super().__init__(folder)
        self.part = part
        self._stored = StoredPart(folder, BATCH, part)

    @cached_property
    def columns(self) -> list[str]:
        """The names of the contributions of this part."""
        return list(self._told["columns"])

    @cached_property
    def leading(self) -> list[str]:
        """The columns beside the scores that say whose they are."""
        return list(WHO[str(self.part)])

    @cached_property
    def threshold(self) -> float | None:
        """What anomalies of this part score above; None if nothing is one by the rule."""
        found: float | None = self._told["threshold"]
        return found

    @property
    def _told(self) -> Mapping[str, Any]:
        parts: Mapping[str, Any] = self.summary["parts"]
        told: Mapping[str, Any] = parts[str(self.part)]
        return told

    def _who(self, numbers: NDArray[np.int64]) -> list[dict[str, Any]]:
        cells = [*self._stored.ids(numbers).values(), self._stored.rows[numbers].tolist()]
        return [dict(zip(self.leading, row, strict=True)) for row in zip(*cells, strict=True)]

    def _said_first(self, row: Mapping[str, Any]) -> list[Any]:
        return [row[name] for name in self.leading]
