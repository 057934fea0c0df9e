"""Verdicts on a batch of scores by the rule in force, and the held-out scores that say how odd a score is.

numpy only: the web process judges by it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from algorithms.artifacts import verify_artifact
from algorithms.errors import ArtifactIncompatible

MOST_SCORES = 100_000
"""Held-out scores that are kept: p-values go down to 1e-5, in 0.8 MB."""

Scores = NDArray[np.float64]


def calibration_file(part: str | None = None) -> str:
    """Return the name of the held-out scores in an artifact, of the rows of a table or of a part of a graph."""
    return "calibration.npy" if part is None else f"calibration.{part}.npy"


class Calibration:
    """Scores that rows get which the model has not learned from: what a new row's score is measured against.

    Of more than 100,000 a random part of so many is kept, by the seed: a random part of exchangeable scores is
    exchangeable with new ones as well, so the p-values stay valid.

    Source: Bates, Candès, Lei, Romano, Sesia, "Testing for outliers with conformal p-values", Annals of Statistics
    51(1), 2023, doi:10.1214/22-AOS2244: marginal conformal p-values.
    """

    def __init__(self, scores: ArrayLike, seed: int = 0) -> None:
        """`scores` (n,), n ≥ 1, in any order.

        Raises:
            ValueError: there are none, or one is not a number.
        """
        given = np.asarray(scores, dtype=np.float64)
        if given.ndim != 1 or not len(given) or np.isnan(given).any():
            raise ValueError("a calibration is made of one held-out score or more, each of them a number")
        if len(given) > MOST_SCORES:
            given = np.random.default_rng(seed).choice(given, MOST_SCORES, replace=False, shuffle=False)
        self.scores: Scores = np.sort(given)

    @classmethod
    def read(cls, folder: Path, part: str | None = None) -> Self:
        """Return that of an artifact folder, of which the manifest and this one file must be there.

        Raises:
            ArtifactIncompatible: the artifact was written by an earlier release, which kept no held-out scores.
            ArtifactCorrupt: the file is missing or was changed.
        """
        name = calibration_file(part)
        if name not in verify_artifact(folder, ())["files"]:
            raise ArtifactIncompatible(
                f"artifact {folder.name} has no {name}, the held-out scores that percentiles and false discovery rates"
                " are told by: it was trained by an earlier release; train the model again"
            )
        verify_artifact(folder, (name,))
        return cls(np.load(folder / name, allow_pickle=False))

    def write(self, folder: Path, part: str | None = None) -> None:
        """Write the scores into a folder that `write_artifact` gave."""
        np.save(folder / calibration_file(part), self.scores)

    def at_or_above(self, scores: ArrayLike) -> NDArray[np.int64]:
        """Return how many held-out scores are as high as each of the scores (N,), or higher."""
        below: NDArray[np.int64] = np.searchsorted(self.scores, np.asarray(scores, dtype=np.float64), side="left")
        return len(self.scores) - below

    def p_values(self, scores: ArrayLike) -> NDArray[np.float64]:
        """Return the conformal p-value (N,) of each score: how likely a row like the held-out ones scores as high.

        It is (1 + held-out scores as high or higher) / (n + 1), so it is in [1 / (n + 1), 1].
        """
        return np.asarray((1 + self.at_or_above(scores)) / (len(self.scores) + 1), np.float64)

    def percentiles(self, scores: ArrayLike) -> NDArray[np.float64]:
        """Return the share of the held-out scores, in %, that are as low as each score (N,), or lower."""
        given = np.asarray(scores, dtype=np.float64)
        at_or_below: Scores = np.searchsorted(self.scores, given, side="right").astype(np.float64)
        return at_or_below * (100 / len(self.scores))

    def quantile(self, share: float) -> float:
        """Return the score that this share of the held-out ones, in [0, 1], does not exceed."""
        return float(np.quantile(self.scores, share))


@dataclass(frozen=True)
class Verdict:
    """How the scores of a batch are judged.

    `rule` is {"rule": "contamination", …}, fixed or best_f1, whose threshold is `value` for every batch; or one by
    which each batch has a threshold of its own: {"rule": "top_k", "top_k": k}, its k highest scores, of equal ones the
    earlier; {"rule": "fdr", "fdr": q}, so many that about the share q of the anomalies found are none.

    Source of fdr: Benjamini and Hochberg, "Controlling the false discovery rate", JRSS B 57(1), 1995, on the p-values
    of `Calibration`, which depend on each other only in a way that leaves the rate valid (Bates et al. 2023).
    """

    rule: Mapping[str, Any]
    value: float | None

    @property
    def needs_calibration(self) -> bool:
        """Whether the rule asks for held-out scores."""
        return bool(self.rule["rule"] == "fdr")

    def flag(self, scores: ArrayLike, calibration: Calibration | None) -> NDArray[np.bool_]:
        """Return which scores (N,) of a batch are anomalies; N may be 0.

        Raises:
            ValueError: the rule needs a calibration, or a value, and there is none.
        """
        given = np.asarray(scores, dtype=np.float64)
        if not len(given):
            return np.zeros(0, np.bool_)
        if self.rule["rule"] == "top_k":
            return _highest(given, int(self.rule["top_k"]))
        if self.rule["rule"] == "fdr":
            if calibration is None:
                raise ValueError("the rule 'fdr' needs the held-out scores of the model")
            return discoveries(given, calibration, float(self.rule["fdr"]))
        if self.value is None:
            raise ValueError(f"the rule '{self.rule['rule']}' needs its value")
        flagged: NDArray[np.bool_] = given > self.value
        return flagged

    def cut(self, scores: ArrayLike, calibration: Calibration | None) -> float | None:
        """Return the threshold in force for a batch: what scores higher is an anomaly. None if nothing is.

        For top_k, later ones of several rows with the very lowest score flagged may be above it and not be flagged.
        """
        if self.value is not None and self.rule["rule"] not in ("top_k", "fdr"):
            return self.value
        given = np.asarray(scores, dtype=np.float64)
        flagged = given[self.flag(given, calibration)]
        return float(np.nextafter(flagged.min(), -np.inf)) if len(flagged) else None


def discoveries(scores: Scores, calibration: Calibration, level: float) -> NDArray[np.bool_]:
    """Return which of the scores (N,), N ≥ 1, the procedure of Benjamini and Hochberg finds at a level in (0, 1).

    p-values of n held-out scores have n + 1 values: counted by value, ten million scores need no sorting.
    """
    above = calibration.at_or_above(scores)
    values = len(calibration.scores) + 1
    found = np.cumsum(np.bincount(above, minlength=values))
    # The k-th smallest of N p-values is at most level · k / N; p = (1 + above) / (n + 1).
    within = np.flatnonzero(np.arange(1, values + 1) * len(scores) <= level * found * values)
    if not len(within):
        return np.zeros(len(scores), np.bool_)
    flagged: NDArray[np.bool_] = above <= within[-1]
    return flagged


def _highest(scores: Scores, count: int) -> NDArray[np.bool_]:
    """Return which of the scores (N,) are the `count` highest, of equal ones the earlier; all if there are no more."""
    if count >= len(scores):
        return np.ones(len(scores), np.bool_)
    lowest = np.partition(scores, len(scores) - count)[len(scores) - count]
    flagged: NDArray[np.bool_] = scores > lowest
    flagged[np.flatnonzero(scores == lowest)[: count - np.count_nonzero(flagged)]] = True
    return flagged
