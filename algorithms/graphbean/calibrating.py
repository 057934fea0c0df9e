"""The held-out scores of each part of a graph."""

from collections.abc import Mapping

from algorithms.graphbean.graph import Parts
from algorithms.graphbean.result import ScoredNode
from algorithms.graphbean.thresholds import NAMES
from algorithms.metrics import Scores
from algorithms.threshold import ThresholdRule, too_few_for_fdr
from algorithms.verdicts import Calibration


def calibrations_of(
    scored: Mapping[str, ScoredNode], rule: ThresholdRule, seed: int
) -> tuple[Parts[Calibration], list[str]]:
    """Return the held-out scores of each part, and notices about a false discovery rate by them.

    They are those of evaldata, of its normal nodes and edges where it is labelled: the network has not seen them.
    Without any they are those of datasrc's graph, which the network has learned from.
    """
    calibrations, notices = [], []
    for i, name in enumerate(NAMES):
        held_out = _held_out(scored["evaldata"], i) if "evaldata" in scored else None
        if held_out is None or not len(held_out):
            held_out = scored["datasrc"].examined.scores.scores[i]
            if rule.rule == "fdr":
                notices.append(
                    f"no {name} are held out, so threshold_rule 'fdr' measures them against those trained on: the rate"
                    " of false discoveries is only approximate; upload evaldata"
                )
        calibration = Calibration(held_out, seed)
        notices += too_few_for_fdr(rule, calibration, name)
        calibrations.append(calibration)
    return Parts(*calibrations), notices


def _held_out(node: ScoredNode, part: int) -> Scores:
    scores = node.examined.scores.scores[part]
    return scores if node.labels is None else scores[node.labels[part] == 0]
