"""The threshold: the score above which a row is an anomaly."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algorithms.errors import DataError
from algorithms.params import NUMBER_OF_RULE, EvaluationParams, RuleName
from algorithms.verdicts import Calibration, Verdict

DEFAULT_FDR = 0.1


@dataclass(frozen=True)
class ThresholdRule:
    """How a threshold is found: the numbers belong to the rules of their names, `value` to "fixed"."""

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
        if evaluation.fdr is not None or evaluation.threshold_rule == "fdr":
            return cls("fdr", fdr=evaluation.fdr or DEFAULT_FDR)
        if evaluation.threshold is not None:
            return cls("fixed", value=evaluation.threshold)
        if evaluation.contamination is not None:
            return cls("contamination", evaluation.contamination)
        if threshold is not None and evaluation.threshold_rule is None:
            return cls("fixed", value=threshold)
        return cls("contamination", contamination)

    def to_dict(self) -> dict[str, Any]:
        """Return {"rule": name, and under the name that `eval_node` has for it the number that belongs to it}."""
        number = NUMBER_OF_RULE.get(self.rule)
        value = self.value if number == "threshold" else getattr(self, number or "", None)
        return {"rule": self.rule, **({} if number is None else {number: value})}


@dataclass(frozen=True)
class Threshold:
    """A chosen threshold; rows that score higher are anomalies.

    `value` is None where each batch has its own (top_k, fdr); `cut` is then that of the training's rows as one batch,
    and their highest score when none is an anomaly.
    """

    value: float | None
    rule: RuleName
    contamination: float | None
    cut: float
    top_k: int | None = None
    fdr: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return value, rule and contamination, and of a rule without a value its number and the cut."""
        known = {"value": self.value, "rule": self.rule, "contamination": self.contamination}
        if self.value is not None:
            return known
        return {**known, "cut": self.cut, self.rule: self.top_k if self.rule == "top_k" else self.fdr}


def choose_threshold(
    rule: ThresholdRule,
    held_out_scores: NDArray[np.float64],
    labelled: tuple[NDArray[np.float64], NDArray[np.int8]] | None = None,
    batch: NDArray[np.float64] | None = None,
) -> Threshold:
    """Return the threshold by a rule.

    contamination: the quantile 1 - contamination of the held-out scores (N,), N ≥ 1. best_f1: the one with the best F1
    on labelled rows (scores (M,), labels (M,) with 1 for an anomaly), in the middle between two scores. top_k, fdr:
    none but the cut of a batch of scores (K,), by default the held-out ones.

    Raises:
        DataError: best_f1 without both normal rows and anomalies.
    """
    if rule.value is not None:
        return Threshold(rule.value, "fixed", None, rule.value)
    if rule.contamination is not None:
        value = float(np.quantile(held_out_scores, 1 - rule.contamination))
        return Threshold(value, "contamination", rule.contamination, value)
    if rule.rule in ("top_k", "fdr"):
        scores = held_out_scores if batch is None else batch
        cut = Verdict(rule.to_dict(), None).cut(scores, Calibration(held_out_scores))
        highest = float(scores.max())
        return Threshold(None, rule.rule, None, highest if cut is None else cut, rule.top_k, rule.fdr)
    if labelled is None or len(np.unique(labelled[1])) < 2:
        raise needs_both_classes()
    value = _best_f1(*labelled)
    return Threshold(value, "best_f1", None, value)


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
