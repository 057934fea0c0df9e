"""The moves of a job's state machine that workers make: each is one conditional update, made once by whoever is first.

An attempt holds its job (a run, a scoring job) as long as the job is running and counts no later attempt. An attempt's
number is never used again; only those in `failures` count against `MAX_ATTEMPTS`.
"""

import logging
import os
import socket
import threading
import uuid
from typing import Any, TypeVar

from django.conf import settings
from django.db.models import F
from django.utils import timezone

from workflows.models import Job, JobQuerySet, Run, RunState
from workflows.operations.totals import count_training
from workflows.services.queueing import enqueue

logger = logging.getLogger(__name__)


AnyJob = TypeVar("AnyJob", bound=Job)


def jobs_of(model: type[AnyJob]) -> JobQuerySet[AnyJob]:
    """Return the jobs of one kind."""
    return model.all_jobs()


def claim(model: type[AnyJob], job_id: uuid.UUID) -> AnyJob | None:
    """Take a queued job for this worker; None if another has it or it does not wait any more."""
    now = timezone.now()
    attempts = jobs_of(model).filter(id=job_id).values_list("attempts", flat=True).first()
    if attempts is None:
        return None
    waiting = jobs_of(model).filter(id=job_id, state=RunState.QUEUED, attempts=attempts)
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
    return jobs_of(model).select_related("version__network").filter(id=job_id, attempts=attempts + 1).first()


def held(run: AnyJob) -> JobQuerySet[AnyJob]:
    """Return the job as long as this attempt holds it, else nothing."""
    return jobs_of(type(run)).filter(id=run.id, state=RunState.RUNNING, attempts=run.attempts)


def beat(run: Job, progress: dict[str, Any]) -> bool:
    """Write that the attempt lives, and its progress; False if it holds the run no more."""
    return bool(held(run).update(progress=progress, heartbeat=timezone.now(), beats=F("beats") + 1))


def hand_back(run: Job) -> bool:
    """Queue a run again whose worker ends; the attempt does not count."""
    back = held(run).update(state=RunState.QUEUED, enqueued=None, progress={}, worker="")
    if back:
        logger.info("run %s is handed back", run.id)
        send(run)
    return bool(back)


def send(run: Job) -> None:
    """Wake a worker for a queued job that no message tells of; without a broker the sweeper does it later."""
    if jobs_of(type(run)).filter(id=run.id, state=RunState.QUEUED, enqueued=None).update(enqueued=timezone.now()):
        enqueue(run)


def fail_attempt(run: Job, reason: str, holding: JobQuerySet[Any] | None = None) -> bool:
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
            send(run)
        return bool(moved)
    reasons = "; ".join(f"attempt {failure['attempt']}: {failure['reason']}" for failure in failures)
    error = f"{len(failures)} attempts were cut off, no other follows. {reasons}"
    return finish(run, RunState.FAILED, holding, error=error, failures=failures)


def finish(run: Job, state: RunState, holding: JobQuerySet[Any] | None = None, **fields: Any) -> bool:
    """End a run; False if the attempt holds it no more."""
    holding = held(run) if holding is None else holding
    ended = bool(holding.update(state=state, finished=timezone.now(), **fields))
    if ended:
        logger.info("run %s has %s%s", run.id, state, f": {fields['error']}" if fields.get("error") else "")
    if ended and state == RunState.SUCCEEDED and isinstance(run, Run):
        count_training(run.id)
    return ended
