"""The rule that a run's verdicts are made by: the newest of the run is in force, and rules are never changed."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from workflows.models import Rule, Run
from workflows.services.locks import lock_version, reread_run
from workflows.services.results import require_succeeded

NUMBER = {"contamination": "contamination", "fixed": "threshold", "top_k": "top_k", "fdr": "fdr"}
"""The number that belongs to a rule, under the name it has in `eval_node`; best_f1 has none."""
PARTS = ("u", "v", "e")


def current_rule(run: Run) -> Rule:
    """Return the rule in force for a run; the first one is what the run was trained with.

    It is made when it is first asked for, so that runs of earlier releases have one too.

    Raises:
        Conflict: the run has no model.
        NotFound: it was deleted meanwhile.
    """
    return run.rules.first() or _first_rule(run)


@transaction.atomic
def _first_rule(run: Run) -> Rule:
    lock_version(run.version)  # of two requests, one makes it
    found = run.rules.first()
    if found is not None:
        return found
    run = reread_run(run)
    require_succeeded(run)
    trained_with: Mapping[str, Any] = run.threshold or {}
    return Rule.objects.create(run=run, rule=_rule_of(trained_with), value=_value_of(trained_with))


def _rule_of(threshold: Mapping[str, Any]) -> dict[str, Any]:
    """Return the rule that a training's threshold was chosen by; of a graph, that of its edges."""
    rule = threshold["rule"]
    if rule == "fixed":
        return {"rule": rule, NUMBER[rule]: threshold["value"]}
    return {"rule": rule, **({NUMBER[rule]: threshold[NUMBER[rule]]} if rule in NUMBER else {})}


def _value_of(threshold: Mapping[str, Any]) -> dict[str, float] | None:
    """Return the values that a training chose, by part for a graph; None where each batch has its own."""
    if threshold["value"] is None:
        return None
    parts = {part: threshold[part] for part in PARTS if part in threshold}
    return parts or {"value": threshold["value"]}
