"""Put right what a lost message or a dead worker left behind; the database says what should happen.

Every worker sweeps. What several do at once is done once: each move is a conditional update.
"""

import logging
from functools import partial
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.utils import timezone

from workflows.errors import Unavailable
from workflows.execution import transitions
from workflows.execution.duty import Duty
from workflows.execution.sightings import Sightings
from workflows.execution.tidying import remove_dead_job_folders, tidy
from workflows.models import Job, Run, RunState, ScoringJob
from workflows.services.broker import waiting_messages
from workflows.services.queueing import enqueue

logger = logging.getLogger(__name__)

QUEUE = "celery"
QUEUES: tuple[tuple[type[Job], str], ...] = ((Run, QUEUE), (ScoringJob, settings.SCORING_QUEUE))
"""Where the messages of each kind of job wait."""
_PATIENCE = 3 * settings.SWEEP_SECONDS + 5

running, queued = Sightings(_PATIENCE), Sightings(_PATIENCE)
"""What this process saw of jobs."""


class Sweeper(Duty):
    """Sweeps for as long as this process lives, whatever else it does."""

    def __init__(self) -> None:
        super().__init__("sweeper")
        self._swept = False

    def once(self) -> None:
        """Sweep, and remove what dead trainings left here."""
        # Until a sweep went well no proof is asked for: a service that comes back goes on with its queue at once.
        self._swept |= self.attempt(partial(sweep, every_queued_run=not self._swept))
        self.attempt(remove_dead_job_folders)


def sweep(*, every_queued_run: bool = False) -> None:
    """Send lost messages again and take runs back from dead workers.

    `every_queued_run` asks for no proof that a message was lost: right when a worker starts. A message too many does no
    harm, a run is claimed once.
    """
    try:
        _take_back()
        _send_again(every_queued_run=every_queued_run)
    except (DatabaseError, InterfaceError):
        # While the database was away no worker could give a sign of life.
        running.forget()
        raise


def _take_back() -> None:
    """Take runs from workers that gave no sign of life for `HEARTBEAT_LOST_SECONDS` of this process's own time."""
    found: dict[UUID, Job] = {run.id: run for run in Run.objects.filter(state=RunState.RUNNING).defer("result")}
    found |= {job.id: job for job in ScoringJob.objects.filter(state=RunState.RUNNING)}
    silent = running.look({run.id: (run.attempts, run.beats) for run in found.values()})
    for run in found.values():
        if silent[run.id] < settings.HEARTBEAT_LOST_SECONDS:
            continue
        reason = f"its worker {run.worker} gave no sign of life for {silent[run.id]:.0f} s"
        if transitions.fail_attempt(run, reason, transitions.held(run).filter(beats=run.beats)):
            tidy(run)


def _send_again(*, every_queued_run: bool) -> None:
    """Send queued jobs again of which nobody has a message.

    That is known of those handed back, and concluded when jobs wait for long while fewer messages than jobs wait.
    """
    try:
        messages = {model: waiting_messages(queue) for model, queue in QUEUES}
    except Unavailable as error:
        logger.warning("%s", error.message)
        return
    waiting = {
        model: list(
            transitions.jobs_of(model)
            .filter(state=RunState.QUEUED)
            .order_by("created")
            .only("id", "attempts", "enqueued")
        )
        for model, _ in QUEUES
    }
    waited = queued.look({job.id: (job.attempts, job.enqueued) for jobs in waiting.values() for job in jobs})
    for model, jobs in waiting.items():
        long = {job.id for job in jobs if waited[job.id] >= settings.MESSAGE_LOST_SECONDS}
        some_lost = messages[model] < len(long)
        for job in jobs:
            lost = some_lost and job.id in long
            if (every_queued_run or lost or job.enqueued is None) and transitions.jobs_of(model).filter(
                id=job.id, state=RunState.QUEUED, attempts=job.attempts, enqueued=job.enqueued
            ).update(enqueued=timezone.now()):
                logger.info("run %s waits and is sent again", job.id)
                enqueue(job)
