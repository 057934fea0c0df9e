"""A threshold for each part of a graph."""

from algorithms.graphbean.graph import PARTS, Parts
from algorithms.metrics import Labels, Scores
from algorithms.threshold import Threshold, ThresholdRule, choose_threshold
from algorithms.verdicts import Calibration

NAMES = Parts("u nodes", "v nodes", "edges")

Labelled = tuple[Scores, Labels]


def choose_thresholds(
    rule: ThresholdRule,
    contamination: float,
    training: Parts[Scores],
    labelled: Parts[Labelled | None] | None = None,
    calibrations: Parts[Calibration] | None = None,
) -> tuple[Parts[Threshold], list[str]]:
    """Return the thresholds by a rule, and notices about those that come by another one.

    `training` (n,) are the scores of the training graph, of which `contamination` is the share above. A fixed threshold
    is that of the edges alone. best_f1 needs `labelled` scores and labels of both classes, part by part. top_k and fdr
    are of each part by itself, fdr by `calibrations`, by default the training scores themselves.
    """
    by_share = ThresholdRule("contamination", contamination)
    chosen, notices = [], []
    for i, part in enumerate(PARTS):
        of_part, own = rule, labelled[i] if labelled else None
        if rule.rule == "fixed" and part != "e":
            of_part = by_share
        if rule.rule == "best_f1" and (own is None or not 0 < own[1].sum() < len(own[1])):
            of_part = by_share
            notices.append(
                f"no labelled graph has both normal and anomalous {NAMES[i]}, which threshold_rule 'best_f1' needs:"
                f" their threshold is the one that {contamination:g} of them exceed"
            )
        held_out = calibrations[i].scores if calibrations and rule.rule == "fdr" else training[i]
        chosen.append(choose_threshold(of_part, held_out, own, training[i]))
    return Parts(*chosen), notices
