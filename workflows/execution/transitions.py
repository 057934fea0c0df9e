"""The moves of a run's state machine that workers make: each is one conditional update, made once by whoever is first.

An attempt holds its run as long as the run is running and counts no later attempt. An attempt's number is never used
again; only those in `failures` count against `MAX_ATTEMPTS`.
"""

import logging
import os
import socket
import threading
import uuid
from typing import Any

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from workflows.models import Run, RunState
from workflows.models.job import JobQuerySet
from workflows.operations.totals import count_training
from workflows.services.runs import enqueue

logger = logging.getLogger(__name__)


def claim(run_id: uuid.UUID) -> Run | None:
    """Take a queued run for this worker; None if another has it or it does not wait any more."""
    now = timezone.now()
    attempts = Run.objects.filter(id=run_id).values_list("attempts", flat=True).first()
    if attempts is None:
        return None
    waiting = Run.objects.filter(id=run_id, state=RunState.QUEUED, attempts=attempts)
    if not waiting.update(
        state=RunState.RUNNING,
        started=now,
        heartbeat=now,
        beats=F("beats") + 1,
        worker=f"{socket.gethostname()}:{os.getpid()}:{threading.get_native_id()}",
        attempts=attempts + 1,
        progress={},
    ):
        return None
    return Run.objects.select_related("version__network").filter(id=run_id, attempts=attempts + 1).first()


def held(run: Run) -> JobQuerySet[Run]:
    """Return the run as long as this attempt holds it, else nothing."""
    return Run.objects.filter(id=run.id, state=RunState.RUNNING, attempts=run.attempts)


def beat(run: Run, progress: dict[str, Any]) -> bool:
    """Write that the attempt lives, and its progress; False if it holds the run no more."""
    return bool(held(run).update(progress=progress, heartbeat=timezone.now(), beats=F("beats") + 1))


def hand_back(run: Run) -> bool:
    """Queue a run again whose worker ends; the attempt does not count."""
    back = held(run).update(state=RunState.QUEUED, enqueued=None, progress={}, worker="")
    if back:
        logger.info("run %s is handed back", run.id)
        send(run.id)
    return bool(back)


def send(run_id: uuid.UUID) -> None:
    """Wake a worker for a queued run that no message tells of; without a broker the sweeper does it later."""
    if Run.objects.filter(id=run_id, state=RunState.QUEUED, enqueued=None).update(enqueued=timezone.now()):
        enqueue(run_id)


def fail_attempt(run: Run, reason: str, holding: JobQuerySet[Run] | None = None) -> bool:
    """Queue a run again whose attempt was cut off, or fail it when that happened too often.

    `holding` narrows down what the attempt holds, for one that is taken from a worker.
    """
    holding = held(run) if holding is None else holding
    failures = [*run.failures, {"attempt": run.attempts, "worker": run.worker, "reason": reason}]
    if len(failures) < settings.MAX_ATTEMPTS:
        error = f"attempt {run.attempts} was cut off, another one follows: {reason}"
        moved = holding.update(
            state=RunState.QUEUED, enqueued=None, progress={}, worker="", failures=failures, error=error
        )
        if moved:
            logger.warning("run %s: %s", run.id, error)
            send(run.id)
        return bool(moved)
    reasons = "; ".join(f"attempt {failure['attempt']}: {failure['reason']}" for failure in failures)
    error = f"{len(failures)} attempts were cut off, no other follows. {reasons}"
    return finish(run, RunState.FAILED, holding, error=error, failures=failures)


def finish(run: Run, state: RunState, holding: JobQuerySet[Run] | None = None, **fields: Any) -> bool:
    """End a run; False if the attempt holds it no more."""
    holding = held(run) if holding is None else holding
    ended = bool(holding.update(state=state, finished=timezone.now(), **fields))
    if ended:
        logger.info("run %s has %s%s", run.id, state, f": {fields['error']}" if fields.get("error") else "")
    if ended and state == RunState.SUCCEEDED:
        count_training(run.id)
    return ended
