"""The labelled tables of the quality benchmark and how its two protocols split them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.one_class import SHARED_DATA

ProtocolName = Literal["one-class", "unsupervised"]

MOST_ROWS = 10_000
"""Rows a larger set is cut to, stratified by label, with seed 0."""


@dataclass(frozen=True)
class LabelledSet:
    """A table (N rows) and its labels (N,), 1 for an anomaly."""

    name: str
    frame: pd.DataFrame
    labels: NDArray[np.int8]

    def capped(self, rows: int) -> "LabelledSet":
        """Return at most so many rows, in their order, anomalies keeping their share."""
        share = rows / len(self.labels)
        if share >= 1:
            return self
        rng = np.random.default_rng(0)
        by_label = [np.flatnonzero(self.labels == label) for label in (0, 1)]
        kept = np.sort(np.concatenate([rng.choice(part, round(len(part) * share), replace=False) for part in by_label]))
        return LabelledSet(self.name, self.frame.iloc[kept].reset_index(drop=True), self.labels[kept])


@dataclass(frozen=True)
class Experiment:
    """Rows to fit on, rows to score and the labels of these; `tested` None: the rows fitted on are scored."""

    trained: pd.DataFrame
    tested: pd.DataFrame | None
    labels: NDArray[np.int8]


def split(labelled: LabelledSet, protocol: ProtocolName, seed: int) -> Experiment:
    """Return the experiment of a seed.

    one-class: a random half of the normal rows trains, the other half and all anomalies are scored.
    unsupervised: every row trains and is scored.
    """
    if protocol == "unsupervised":
        return Experiment(labelled.frame, None, labelled.labels)
    normal = np.random.default_rng(seed).permutation(np.flatnonzero(labelled.labels == 0))
    trained = np.sort(normal[: len(normal) // 2])
    tested = np.setdiff1d(np.arange(len(labelled.labels)), trained)
    return Experiment(labelled.frame.iloc[trained], labelled.frame.iloc[tested], labelled.labels[tested])


def read_npz(path: Path) -> LabelledSet:
    """Read a set as ADBench stores it: `X` (N, columns) numbers, `y` (N,) 0 or 1.

    Raises:
        SystemExit: the file holds something else.
    """
    with np.load(path) as stored:
        if not {"X", "y"} <= set(stored.files):
            raise SystemExit(f"{path} holds {', '.join(stored.files) or 'nothing'}; expected the arrays X and y")
        x, y = stored["X"], stored["y"].ravel()
    if x.ndim != 2 or len(x) != len(y) or set(np.unique(y).tolist()) != {0, 1}:
        raise SystemExit(f"{path}: X has shape {x.shape}, y {y.shape}; expected one row for each y, which is 0 or 1")
    return LabelledSet(path.stem, pd.DataFrame(x.astype(np.float64)).add_prefix("x"), y.astype(np.int8))


def read_folder(folder: Path) -> dict[str, LabelledSet]:
    """Read every .npz of a folder, by name, sorted.

    Raises:
        SystemExit: there is none.
    """
    sets = {path.stem: read_npz(path) for path in sorted(folder.glob("*.npz"))}
    if not sets:
        raise SystemExit(f"there is no .npz file in {folder}")
    return sets


def read_tables() -> Iterator[LabelledSet]:
    """Read the two sets that are tables: card transactions, and connections with three categorical columns."""
    cards = pd.read_csv(SHARED_DATA / "creditcard" / "creditcard_sample.csv.gz")
    yield LabelledSet("creditcard", cards.drop(columns=["Time", "Class"]), cards["Class"].to_numpy(np.int8))
    connections = pd.read_csv(SHARED_DATA / "nsl-kdd" / "nsl_kdd_train20.csv.gz")
    attacks = (connections["attack"] != "normal").to_numpy(np.int8)
    yield LabelledSet("nsl-kdd", connections.drop(columns=["attack", "difficulty"]), attacks)
