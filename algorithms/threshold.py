"""The threshold: the score above which a row is an anomaly."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from algorithms.errors import DataError
from algorithms.params import EvaluationParams
from algorithms.verdicts import Calibration, Verdict

RuleName = Literal["contamination", "fixed", "best_f1", "top_k", "fdr"]
DEFAULT_FDR = 0.1
RARE = 0.01
"""Share of a batch that is anomalies where they are as rare as anomalies are."""


@dataclass(frozen=True)
class ThresholdRule:
    """How a threshold is found: each number belongs to the rule of its name, `value` to "fixed"."""

    rule: RuleName
    contamination: float | None = None
    value: float | None = None
    top_k: int | None = None
    fdr: float | None = None

    @classmethod
    def resolve(cls, evaluation: EvaluationParams, *, contamination: float, threshold: float | None) -> "ThresholdRule":
        """Return the rule of the evaluation node, or else that of the network's `contamination` or `threshold`."""
        if evaluation.threshold_rule == "best_f1":
            return cls("best_f1")
        if evaluation.top_k is not None:
            return cls("top_k", top_k=evaluation.top_k)
        if evaluation.threshold_rule == "fdr" or evaluation.fdr is not None:
            return cls("fdr", fdr=DEFAULT_FDR if evaluation.fdr is None else evaluation.fdr)
        if evaluation.threshold is not None:
            return cls("fixed", value=evaluation.threshold)
        if evaluation.contamination is not None:
            return cls("contamination", evaluation.contamination)
        if threshold is not None and evaluation.threshold_rule is None:
            return cls("fixed", value=threshold)
        return cls("contamination", contamination)


@dataclass(frozen=True)
class Threshold:
    """A chosen threshold; rows that score higher are anomalies. By top_k and fdr it is that of the rows of datasrc."""

    value: float
    rule: RuleName
    contamination: float | None
    top_k: int | None = None
    fdr: float | None = None

    def to_dict(self) -> dict[str, Any]:
        of_batch = {"top_k": self.top_k, "fdr": self.fdr}
        return {
            "value": self.value,
            "rule": self.rule,
            "contamination": self.contamination,
            **{name: number for name, number in of_batch.items() if number is not None},
        }


def choose_threshold(
    rule: ThresholdRule,
    held_out_scores: NDArray[np.float64],
    labelled: tuple[NDArray[np.float64], NDArray[np.int8]] | None = None,
    batch: NDArray[np.float64] | None = None,
) -> Threshold:
    """Return the threshold by a rule.

    contamination: the quantile 1 - contamination of the held-out scores (N,), N ≥ 1. best_f1: the one with the best F1
    on labelled rows (scores (M,), labels (M,) with 1 for an anomaly), in the middle between two scores. top_k and fdr:
    the one of a batch of scores (B,), B ≥ 1, by default those held out; above its largest if nothing in it is flagged.

    Raises:
        DataError: best_f1 without both normal rows and anomalies.
    """
    if rule.value is not None:
        return Threshold(rule.value, "fixed", None)
    if rule.contamination is not None:
        value = float(np.quantile(held_out_scores, 1 - rule.contamination))
        return Threshold(value, "contamination", rule.contamination)
    if rule.rule in ("top_k", "fdr"):
        value = _of_batch(rule, held_out_scores, held_out_scores if batch is None else batch)
        return Threshold(value, rule.rule, None, rule.top_k, rule.fdr)
    if labelled is None or len(np.unique(labelled[1])) < 2:
        raise needs_both_classes()
    return Threshold(_best_f1(*labelled), "best_f1", None)


def too_few_for_fdr(rule: ThresholdRule, calibration: Calibration, entries: str) -> list[str]:
    """Say that so few are held out that a false discovery rate finds anomalies only where they are many, if so."""
    if rule.fdr is None:
        return []
    fewest = 1 / (rule.fdr * (len(calibration.scores) + 1))  # the smallest p-value is at most fdr times this share
    if fewest <= RARE:
        return []
    why = (
        f"only {len(calibration.scores):,} {entries} are held out: threshold_rule 'fdr' at {rule.fdr:g} finds anomalies"
        f" only in a batch of which they are {min(1.0, fewest):.0%} or more; train on more rows"
    )
    return [why]


def _of_batch(rule: ThresholdRule, held_out: NDArray[np.float64], batch: NDArray[np.float64]) -> float:
    number = rule.top_k if rule.rule == "top_k" else rule.fdr
    cut = Verdict({"rule": rule.rule, rule.rule: number}, None).cut(batch, Calibration(held_out))
    return float(np.nextafter(batch.max(), np.inf)) if cut is None else cut


def needs_both_classes() -> DataError:
    """Return the error of a best_f1 without both normal rows and anomalies."""
    why = "threshold_rule 'best_f1' needs labelled rows, normal ones and anomalies; name their label_column"
    return DataError(why, {"threshold_rule": [why]})


def _best_f1(scores: NDArray[np.float64], labels: NDArray[np.int8]) -> float:
    falling = np.argsort(-scores, kind="stable")
    lowest_flagged = scores[falling]
    # Of equal scores all are flagged, or none.
    last = np.append(np.flatnonzero(np.diff(lowest_flagged)), len(scores) - 1)
    lowest_flagged, hits = lowest_flagged[last], np.cumsum(labels[falling], dtype=np.float64)[last]
    precision, recall = hits / (last + 1), hits / hits[-1]
    total = precision + recall
    f1 = np.divide(2 * precision * recall, total, out=np.zeros_like(total), where=total > 0)
    best = int(np.argmax(f1))  # of equal ones the highest threshold, which flags the fewest rows
    highest = float(np.nextafter(lowest_flagged[best], -np.inf))  # a row is flagged when it scores higher
    if best == len(last) - 1:
        return highest
    below = lowest_flagged[best + 1]
    return min(float(below + (lowest_flagged[best] - below) / 2), highest)
