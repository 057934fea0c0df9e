"""The stored scores of a graph: a table for each part of it, mapped from disk, read a few rows at a time.

numpy only: the web process reads them. `score_writing` writes them.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from algorithms.graphbean.texts import Texts


def file_of(folder: Path, kind: str, node: str, part: str | None = None) -> Path:
    """Return the array of a scored node ("datasrc", "evaldata", "planted"), of one part of its graph or of all."""
    return folder / ".".join([kind, node, *([] if part is None else [part]), "npy"])


def mapped(path: Path) -> NDArray[Any]:
    """Return an array that is read from disk where it is looked at."""
    array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return array


def stored_ids(folder: Path, node: str, side: str) -> Texts:
    """Return the ids of the nodes of one side, "u" or "v", as they stood in the interactions."""
    return Texts(mapped(file_of(folder, "ids", node, side)), mapped(file_of(folder, "offsets", node, side)))


@dataclass(frozen=True)
class StoredPart:
    """Who the nodes of one side ("u", "v") or the edges ("e") are in the tables of scores of one data node."""

    folder: Path
    node: str
    part: str

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """(n,) numbers of the interactions behind each, 0 behind a planted edge."""
        return mapped(file_of(self.folder, "rows", self.node, self.part))

    def ids(self, positions: ArrayLike) -> dict[str, list[str]]:
        """Return who is at some positions: side → ids; one side for a node, both for an edge."""
        chosen = np.asarray(positions, dtype=np.int64)
        if self.part != "e":
            return {self.part: self._ids_at(self.part, chosen)}
        pairs = self._pairs[:, chosen]
        return {side: self._ids_at(side, ends) for side, ends in zip("uv", pairs, strict=True)}

    def _ids_at(self, side: str, positions: NDArray[np.int64]) -> list[str]:
        return list(self._texts[side].take(positions))

    @cached_property
    def _pairs(self) -> NDArray[Any]:
        return mapped(file_of(self.folder, "pairs", self.node))

    @cached_property
    def _texts(self) -> dict[str, Texts]:
        sides = "uv" if self.part == "e" else self.part
        return {side: stored_ids(self.folder, self.node, side) for side in sides}
