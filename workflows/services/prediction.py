"""Predictions: the trained models in memory, the newest used kept."""

import importlib
import logging
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from algorithms.artifacts import SERVING_FILES
from algorithms.errors import ArtifactError, RowsInvalid, RowsTooMany
from algorithms.workflow_types import WORKFLOW_TYPES, WorkflowType
from workflows import files
from workflows.errors import Damaged, Invalid, TooLarge
from workflows.models import Run
from workflows.services.judging import judge_graph, judge_rows
from workflows.services.results import require_succeeded
from workflows.services.row_ids import drawn_ids, require_ids
from workflows.services.rules import rules_in_force

if TYPE_CHECKING:
    from algorithms.graphbean.scorer import GraphScorer
    from algorithms.scorer import Scorer

    AnyScorer = Scorer | GraphScorer

logger = logging.getLogger(__name__)

KEPT = 8


class ScorerCache:
    """Loaded models by run; with a new one, those of deleted runs go, then the least recently used."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._lock = threading.Lock()
        self._scorers: OrderedDict[UUID, AnyScorer] = OrderedDict()

    def get(self, run: Run) -> "AnyScorer":
        """Return the scorer of a run, loading it if need be.

        Raises:
            Damaged: its files are not those that were written, or were written in another format.
            Unavailable: the storage cannot be reached.
        """
        with self._lock:
            if run.id in self._scorers:
                self._scorers.move_to_end(run.id)
                return self._scorers[run.id]
        # Loaded outside the lock: others go on; two first requests may load it twice, which does no harm.
        # ONNX Runtime costs 44 MB: only a process that predicts imports a scorer.
        module, _, name = type_of(run).scorer.partition(":")
        try:
            with files.local_copy(run.artifact_prefix, *SERVING_FILES) as artifact:
                scorer: AnyScorer = getattr(importlib.import_module(module), name).load(artifact)
        except (ArtifactError, Damaged) as error:
            logger.exception("run %s cannot be served", run.id)
            files.forget_copy(run.artifact_prefix)
            raise Damaged(f"the model of run {run.number} cannot be served: {error}; train it again") from error
        with self._lock:
            self._scorers[run.id] = scorer
            cached = set(self._scorers)
        # A run may have been deleted in another process.
        existing = set(Run.objects.filter(id__in=cached).values_list("id", flat=True))
        with self._lock:
            for gone in cached - existing:
                self._scorers.pop(gone, None)
            while len(self._scorers) > self._kept:
                self._scorers.popitem(last=False)
        return scorer


scorers = ScorerCache()


def type_of(run: Run) -> WorkflowType:
    """Return the workflow type that a run was made of; its version may have become another since."""
    return WORKFLOW_TYPES[run.snapshot["workflow_type"]]


def predict(
    run: Run,
    kind: str,
    input_data: Any,
    output: str | None = None,
    *,
    row_ids: Sequence[str] | None = None,
    explain: bool = False,
) -> dict[str, Any]:
    """Answer one kind of prediction.

    `anomaly` scores rows, `autoencoder` returns their code or reconstruction, `graphbean` scores rows that are
    interactions, and their ends, as a graph of its own. Scored rows are judged together by the rule in force, each
    under its id, which is drawn if none are given, and explained if asked.

    Raises:
        Invalid: the model does not answer this kind, or the rows do not have the fields and types of the training data.
        Conflict: the run has no model.
        TooLarge: there are more rows than its answer can hold.
        Damaged: its model is.
    """
    require_succeeded(run)
    _require_kind(run, kind)
    _refuse_unused(kind, output=output, row_ids=row_ids, explain=explain)
    rows = _rows(input_data)
    ids = drawn_ids(len(rows)) if row_ids is None else require_ids(row_ids, len(rows))
    rule = rules_in_force.get(run)
    scorer = scorers.get(run)
    try:
        answer = _answer(scorer, kind, rows, output, explain=explain)
    except RowsInvalid as error:
        raise Invalid(str(error), error.errors) from None
    except RowsTooMany as error:
        raise TooLarge(str(error), error.errors) from None
    said: dict[str, Any] = {"run": str(run.id), "threshold_id": rule.pk, "rule": rule.rule}
    if kind == "autoencoder":
        return {**said, "threshold": rule.value and rule.value["value"], **answer}
    answer["rows"] = [{"row_id": row_id, **row} for row_id, row in zip(ids, answer["rows"], strict=True)]
    if kind == "anomaly":
        return {**said, "threshold": judge_rows(answer["rows"], rule, run), **answer}
    thresholds = judge_graph(answer, rule, run)
    return {**said, "threshold": thresholds["e"], "thresholds": thresholds, **answer}


def _answer(
    scorer: Any, kind: str, rows: Sequence[Mapping[str, Any]], output: str | None, *, explain: bool
) -> dict[str, Any]:
    if kind == "autoencoder":
        if output == "encoder":
            return {"rows": [{"code": code} for code in scorer.encode(rows)]}
        return {"rows": [{"reconstruction": reconstruction} for reconstruction in scorer.reconstruct(rows)]}
    scored = scorer.explain_rows(rows) if explain else scorer.score_rows(rows)
    return dict(scored) if kind == "graphbean" else {"rows": scored}


def _refuse_unused(kind: str, *, output: str | None, row_ids: Sequence[str] | None, explain: bool) -> None:
    if kind != "autoencoder" and output is not None:
        raise Invalid("'type' belongs to predict/type/autoencoder", {"type": ["not used here; leave it out"]})
    for name, given in (("row_ids", row_ids is not None), ("explain", explain)):
        if kind == "autoencoder" and given:
            why = "belongs to scored rows; leave it out"
            raise Invalid(f"'{name}' is not used by predict/type/autoencoder", {name: [why]})


def _require_kind(run: Run, kind: str) -> None:
    offered = type_of(run).predictions
    if kind not in offered:
        raise Invalid(
            f"{run.version} is a workflow of {type_of(run).detector}: it does not predict '{kind}', but: "
            + ", ".join(offered),
            {"kind": [f"use predict/type/{' or '.join(offered)}"]},
        )


def _rows(input_data: Any) -> Sequence[Mapping[str, Any]]:
    rows = [input_data] if isinstance(input_data, dict) else input_data
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Invalid(
            "input_data must be an object (one row) or a list of objects",
            {"input_data": ["give each row as {column: value}"]},
        )
    if not rows:
        raise Invalid("input_data has no rows", {"input_data": ["send at least one row"]})
    return rows
