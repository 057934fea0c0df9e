"""Predictions: the trained models in memory, the newest used kept."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from uuid import UUID

from algorithms.errors import ArtifactError, RowsInvalid
from workflows.errors import Invalid, Unavailable
from workflows.models import Run
from workflows.services.results import require_succeeded

if TYPE_CHECKING:
    from algorithms.scorer import Scorer

logger = logging.getLogger(__name__)

KEPT = 8


class ScorerCache:
    """Loaded models by run; the least recently used goes first."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._lock = threading.Lock()
        self._scorers: OrderedDict[UUID, Scorer] = OrderedDict()

    def get(self, run: Run) -> "Scorer":
        """Return the scorer of a run, loading it if need be.

        Raises:
            Unavailable: its files are damaged or were written in another format.
        """
        with self._lock:
            if run.id in self._scorers:
                self._scorers.move_to_end(run.id)
                return self._scorers[run.id]
        # Loaded outside the lock: others go on; two first requests may load it twice, which does no harm.
        from algorithms.scorer import Scorer  # ONNX Runtime costs 44 MB: only a process that predicts pays

        try:
            scorer = Scorer.load(run.artifact)
        except ArtifactError as error:
            logger.exception("run %s cannot be served", run.id)
            raise Unavailable(f"the model of run {run.number} cannot be served: {error}; train it again") from error
        with self._lock:
            self._scorers[run.id] = scorer
            while len(self._scorers) > self._kept:
                self._scorers.popitem(last=False)
        return scorer


scorers = ScorerCache()


def predict(run: Run, kind: str, input_data: Any, output: str | None) -> dict[str, Any]:
    """Score rows (kind `anomaly`), or return their code or reconstruction (kind `autoencoder`).

    Raises:
        Invalid: the rows do not have the fields and types of the training data.
        Conflict: the run has no model.
        Unavailable: its model is damaged.
    """
    require_succeeded(run)
    rows = _rows(input_data)
    if kind == "anomaly" and output is not None:
        raise Invalid("'type' belongs to predict/type/autoencoder", {"type": ["not used here; leave it out"]})
    scorer = scorers.get(run)
    try:
        if kind == "anomaly":
            answers = scorer.score_rows(rows)
        elif output == "encoder":
            answers = [{"code": code} for code in scorer.encode(rows)]
        else:
            answers = [{"reconstruction": reconstruction} for reconstruction in scorer.reconstruct(rows)]
    except RowsInvalid as error:
        raise Invalid(str(error), error.errors) from None
    return {"run": str(run.id), "threshold": scorer.threshold, "rows": answers}


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
