"""Put right what a lost message or a dead worker left behind; the database says what should happen.

Every worker sweeps. What several do at once is done once: each move is a conditional update.
"""

import logging
from functools import partial

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.utils import timezone

from workflows.errors import Unavailable
from workflows.execution import transitions
from workflows.execution.duty import Duty
from workflows.execution.sightings import Sightings
from workflows.execution.tidying import remove_dead_job_folders, tidy
from workflows.models import Run, RunState
from workflows.services.broker import waiting_messages
from workflows.services.runs import enqueue

logger = logging.getLogger(__name__)

QUEUE = "celery"
_PATIENCE = 3 * settings.SWEEP_SECONDS + 5

running, queued = Sightings(_PATIENCE), Sightings(_PATIENCE)
"""What this process saw of runs."""


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
    found = {run.id: run for run in Run.objects.filter(state=RunState.RUNNING).defer("result")}
    silent = running.look({run.id: (run.attempts, run.beats) for run in found.values()})
    for run in found.values():
        if silent[run.id] < settings.HEARTBEAT_LOST_SECONDS:
            continue
        reason = f"its worker {run.worker} gave no sign of life for {silent[run.id]:.0f} s"
        if transitions.fail_attempt(run, reason, transitions.held(run).filter(beats=run.beats)):
            tidy(run)


def _send_again(*, every_queued_run: bool) -> None:
    """Send queued runs again of which nobody has a message.

    That is known of those handed back, and concluded when runs wait for long while fewer messages than runs wait.
    """
    try:
        messages = waiting_messages(QUEUE)
    except Unavailable as error:
        logger.warning("%s", error.message)
        return
    waiting = list(Run.objects.filter(state=RunState.QUEUED).order_by("created").only("id", "attempts", "enqueued"))
    waited = queued.look({run.id: (run.attempts, run.enqueued) for run in waiting})
    some_lost = messages < sum(seconds >= settings.MESSAGE_LOST_SECONDS for seconds in waited.values())
    for run in waiting:
        lost = some_lost and waited[run.id] >= settings.MESSAGE_LOST_SECONDS
        if (every_queued_run or lost or run.enqueued is None) and Run.objects.filter(
            id=run.id, state=RunState.QUEUED, attempts=run.attempts, enqueued=run.enqueued
        ).update(enqueued=timezone.now()):
            logger.info("run %s waits and is sent again", run.id)
            enqueue(run.id)
