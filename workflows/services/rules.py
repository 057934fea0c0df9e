"""The rule that a run's verdicts are made by: the newest of the run is in force, and rules are never changed.

A rule belongs to a run, because its value is among that run's scores. So the run that a version is rolled back to comes
back with the rule it had last, whatever `eval_node` was set to meanwhile: those parameters are for trainings to come,
and make a rule only of the run that serves when they are set. A run that was queued before then has those it was queued
with.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from algorithms.params import NUMBER_OF_RULE
from workflows.errors import Conflict
from workflows.models import Rule, Run, RunState, Version
from workflows.services.locks import lock_version, reread_run

PARTS = ("u", "v", "e")
OF_EACH_BATCH = ("top_k", "fdr")
"""Rules by which each batch has a threshold of its own; that of a training's result is that of its rows."""
SECONDS_REMEMBERED = 2.0
"""How long a process may answer by a rule that another one has replaced."""
REMEMBERED = 1000


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
    if run.state != RunState.SUCCEEDED or run.threshold is None:
        raise Conflict(f"run {run.number} of {run.version} is {run.state}: it has no threshold")
    made = Rule.objects.create(run=run, rule=_trained_rule(run.threshold), value=_trained_value(run.threshold))
    if run.finished is not None:  # which is when it came into force
        made.created = run.finished
        made.save(update_fields=["created"])
    return made


def _trained_rule(threshold: Mapping[str, Any]) -> dict[str, Any]:
    """Return the rule that a training chose its threshold by; of a graph, that of its edges."""
    name = threshold["rule"]
    if name == "fixed":
        return {"rule": name, NUMBER_OF_RULE[name]: threshold["value"]}
    return {"rule": name, **({NUMBER_OF_RULE[name]: threshold[NUMBER_OF_RULE[name]]} if name in NUMBER_OF_RULE else {})}


def _trained_value(threshold: Mapping[str, Any]) -> dict[str, float] | None:
    """Return the values that a training chose, by part for a graph; None where each batch has its own."""
    if threshold["rule"] in OF_EACH_BATCH:
        return None
    return {part: threshold[part] for part in PARTS if part in threshold} or {"value": threshold["value"]}


def add_rule(run: Run, rule: Mapping[str, Any], value: Mapping[str, float] | None, user: User | None) -> Rule:
    """Put another rule in force; the version of the run must be locked."""
    return Rule.objects.create(
        run=run, rule=dict(rule), value=value, user=user, username=user.get_username() if user else ""
    )


def list_rules(version: Version) -> QuerySet[Rule]:
    """Return the rules of all runs of a version that have a model, the newest first, with the first of each run."""
    for run in version.runs.succeeded().filter(rules=None).defer("result", "snapshot"):
        current_rule(run)
    return Rule.objects.filter(run__version=version).select_related("run").defer(
        "run__result", "run__snapshot"
    ).order_by("-created", "-id")  # fmt: skip


def serving_context(version: Version) -> dict[str, Any]:
    """Return what rules are shown beside: the one that is in force now, None before a run serves."""
    run = version.serving_run
    return {"rule_in_force": None if run is None else current_rule(run)}


class RuleCache:
    """Rules in force by run, each read again after two seconds: a prediction asks the database for none meanwhile."""

    def __init__(self, seconds: float = SECONDS_REMEMBERED) -> None:
        self._seconds = seconds
        self._lock = threading.Lock()
        self._rules: OrderedDict[UUID, tuple[float, Rule]] = OrderedDict()

    def get(self, run: Run) -> Rule:
        """Return the rule in force for a run, or the one that was at most two seconds ago. Raises as `current_rule`."""
        now = time.monotonic()
        read, rule = self._rules.get(run.id, (0.0, None))
        if rule is not None and now - read < self._seconds:
            return rule
        rule = current_rule(run)
        with self._lock:
            self._rules[run.id] = now, rule
            self._rules.move_to_end(run.id)
            while len(self._rules) > REMEMBERED:
                self._rules.popitem(last=False)
        return rule

    def forget(self, run_id: UUID) -> None:
        """Read the rule of a run again when it is next asked for."""
        with self._lock:
            self._rules.pop(run_id, None)


rules_in_force = RuleCache()
