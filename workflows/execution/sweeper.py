"""Put right what a lost message or a dead worker left behind; the database says what should happen."""

import logging
from datetime import timedelta

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from workflows.models import Run, RunState
from workflows.services.runs import enqueue

logger = logging.getLogger(__name__)


def sweep(*, every_queued_run: bool = False) -> None:
    """Send lost messages again and take runs back from dead workers.

    `every_queued_run` does not wait for a message to be old: right when a worker starts. A message too many does no
    harm, a run is claimed once.
    """
    _take_back()
    _send_again(every_queued_run=every_queued_run)


def _take_back() -> None:
    lost = timezone.now() - timedelta(seconds=settings.HEARTBEAT_LOST_SECONDS)
    for run in Run.objects.filter(state=RunState.RUNNING, heartbeat__lt=lost):
        silent = Run.objects.filter(id=run.id, state=RunState.RUNNING, attempts=run.attempts, heartbeat=run.heartbeat)
        if run.cancel_requested:
            silent.update(state=RunState.CANCELLED, finished=timezone.now(), error="cancelled; its worker was lost")
        elif run.attempts >= settings.MAX_ATTEMPTS:
            silent.update(
                state=RunState.FAILED,
                finished=timezone.now(),
                error=f"its worker was lost {run.attempts} times, last {run.worker}",
            )
        else:
            silent.update(state=RunState.QUEUED, enqueued=None, worker="", progress={})
        logger.warning("run %s: worker %s was lost", run.id, run.worker)


def _send_again(*, every_queued_run: bool) -> None:
    now = timezone.now()
    waiting = Run.objects.filter(state=RunState.QUEUED)
    if not every_queued_run:
        old = now - timedelta(seconds=settings.MESSAGE_LOST_SECONDS)
        waiting = waiting.filter(Q(enqueued__lt=old) | Q(enqueued=None))
    for run_id in list(waiting.order_by("created").values_list("id", flat=True)):
        Run.objects.filter(id=run_id, state=RunState.QUEUED).update(enqueued=now)
        enqueue(run_id)
