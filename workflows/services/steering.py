"""A threshold rule that is set for a trained version: its values are found anew among the scores that the run stored.

Nothing is trained, and nothing that was stored is changed: contamination takes the quantile of the held-out scores
(of a graph, of those of the training graph), best_f1 the scores and labels of the rows that the training
chose its own by. top_k and fdr have no value, because each batch of rows has a threshold of its own.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from algorithms.errors import ArtifactIncompatible, DataError
from algorithms.graphbean.graph import PARTS, Parts
from algorithms.graphbean.score_files import file_of, mapped
from algorithms.graphbean.thresholds import Labelled, choose_thresholds
from algorithms.params import NUMBER_OF_RULE, EvaluationParams
from algorithms.threshold import ThresholdRule, choose_threshold, needs_both_classes
from algorithms.verdicts import Calibration
from algorithms.workflow_types import WORKFLOW_TYPES
from workflows.errors import Unprocessable
from workflows.models import Run, Version
from workflows.services.results import artifact_of
from workflows.services.rules import current_rule

STEERING = frozenset({"threshold_rule", *NUMBER_OF_RULE.values()})
"""The parameters of `eval_node` that make a rule."""
NODES = ("evaldata", "datasrc", "planted")
"""Whose labels best_f1 takes, those first that a training takes first."""


@dataclass(frozen=True)
class Steering:
    """A rule that a run is to have, and the share of the nodes of a graph that are anomalies whatever the rule is."""

    run: Run
    rule: ThresholdRule
    contamination: float

    @property
    def stored(self) -> dict[str, Any]:
        """The rule as it is stored and answered."""
        name = self.rule.rule
        number = NUMBER_OF_RULE.get(name)
        if number is None:
            return {"rule": name}
        return {"rule": name, number: self.rule.value if name == "fixed" else getattr(self.rule, number)}


def without_other_rules(stored: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of `eval_node` that are stored, less those of another rule than the one that is given now.

    So a rule replaces the one before; rules that are given together are left to contradict each other.
    """
    named = {rule for rule, number in NUMBER_OF_RULE.items() if given.get(number) is not None}
    named |= {given["threshold_rule"]} if isinstance(given.get("threshold_rule"), str) else set()
    if len(named) != 1:
        return dict(stored)
    (rule,) = named
    kept = {NUMBER_OF_RULE.get(rule)}
    return {
        name: value
        for name, value in stored.items()
        if name not in STEERING or name in kept or (name == "threshold_rule" and value == rule)
    }


def steering_of(version: Version, evaluation: EvaluationParams, given: Collection[str]) -> Steering | None:
    """Return the rule that parameters of `eval_node` ask for, of the run that serves.

    None when none of those given makes a rule, when no run serves, or when its rule is this one already. What the
    evaluation leaves open is as the run was trained, whatever the network's parameters are by now.
    """
    run = version.serving_run if STEERING.intersection(given) else None
    if run is None:
        return None
    node = WORKFLOW_TYPES[run.snapshot["workflow_type"]].nodes["netconf_node"]
    network: Any = node.model_validate(run.snapshot["parameters"].get("netconf_node", {}))
    rule = ThresholdRule.resolve(evaluation, contamination=network.contamination, threshold=network.threshold)
    steering = Steering(run, rule, network.contamination)
    return None if current_rule(run).rule == steering.stored else steering


def values_of(steering: Steering) -> dict[str, float] | None:
    """Return the thresholds by a rule: {value} of rows, {u, v, e} of a graph, None where each batch has its own.

    Raises:
        Unprocessable: the run has no labels of both classes, or no calibration, which those of earlier releases lack.
        Damaged: its files are not those that were written.
    """
    run, name = steering.run, steering.rule.rule
    if name == "top_k":
        return None
    is_graph = WORKFLOW_TYPES[run.snapshot["workflow_type"]].detector == "graphbean"
    patterns = _files_for(name, is_graph=is_graph)
    try:
        with artifact_of(run, *patterns) as artifact:
            return _values_of_graph(artifact, steering) if is_graph else _value_of_rows(artifact, steering.rule)
    except ArtifactIncompatible as error:
        why = f"rule '{name}' needs the calibration of run {run.number}, which serves: {error}"
        raise Unprocessable(why, {"threshold_rule": [why]}) from error
    except DataError as error:
        why = (
            f"run {run.number}, which serves, was scored without labels of both kinds of rows: set their label_column,"
            " train, and set threshold_rule 'best_f1' then"
        )
        raise Unprocessable(why, {"threshold_rule": [why]}) from error


def _files_for(rule: str, *, is_graph: bool) -> tuple[str, ...]:
    if rule == "fdr":
        return ("calibration*.npy",)
    if rule == "best_f1":
        return ("scores.*.npy", "labels.*.npy")
    if is_graph:
        return ("scores.datasrc.*.npy",)
    return ("calibration.npy",) if rule == "contamination" else ()


def _value_of_rows(artifact: Path, rule: ThresholdRule) -> dict[str, float] | None:
    held_out = Calibration.read(artifact).scores if rule.rule in ("contamination", "fdr") else np.empty(0)
    if rule.rule == "fdr":
        return None
    labelled = _labelled(artifact, None) if rule.rule == "best_f1" else None
    return {"value": choose_threshold(rule, held_out, labelled).value}


def _values_of_graph(artifact: Path, steering: Steering) -> dict[str, float] | None:
    rule = steering.rule
    if rule.rule == "fdr":
        for part in PARTS:
            Calibration.read(artifact, part)
        return None
    labelled: Parts[Labelled | None] | None = None
    if rule.rule == "best_f1":
        labelled = Parts(*(_labelled(artifact, part) for part in PARTS))
        if not any(labelled):
            raise needs_both_classes()
    training = Parts(*(mapped(file_of(artifact, "scores", "datasrc", part)) for part in PARTS))
    chosen, _ = choose_thresholds(rule, steering.contamination, training, labelled)
    return chosen.map(lambda threshold: threshold.value)._asdict()


def _labelled(artifact: Path, part: str | None) -> Labelled | None:
    """Return the scores and labels of the first node that has both classes."""
    for node in NODES:
        labels = file_of(artifact, "labels", node, part)
        if labels.exists() and len(np.unique(found := mapped(labels))) > 1:
            return mapped(file_of(artifact, "scores", node, part)), found
    return None
