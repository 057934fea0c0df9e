"""What a Celery worker does when it starts and when it is told to end (imported by nnservice.celery)."""

import logging
from typing import Any

from celery.signals import worker_ready, worker_shutdown, worker_shutting_down
from django.db import DatabaseError, InterfaceError

from workflows.errors import ServiceError

logger = logging.getLogger(__name__)


@worker_ready.connect
def send_waiting_runs_again(**_: Any) -> None:
    """A service that comes back goes on with its queue at once."""
    from workflows.execution.leftovers import remove_leftovers
    from workflows.execution.sweeper import Sweeper, sweep

    try:
        sweep(every_queued_run=True)
        remove_leftovers()
    except (DatabaseError, InterfaceError, ServiceError) as error:
        logger.warning("the sweep of the start failed, others follow: %s", error)
    Sweeper().start()


@worker_ready.connect
def begin_to_beat(**_: Any) -> None:
    """Say from now on that this worker lives."""
    from workflows.operations.beats import Beat

    beat = Beat()
    beat.start()
    worker_shutdown.connect(lambda **_: beat.stop(), weak=False)


@worker_shutting_down.connect
def hand_runs_back(**_: Any) -> None:
    """End running trainings and give their runs back, so that the worker can go."""
    from workflows.execution.handing_back import hand_all_back

    hand_all_back()
