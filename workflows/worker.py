"""What a Celery worker does when it starts and when it is told to end (imported by nnservice.celery)."""

from typing import Any

from celery.signals import worker_ready, worker_shutdown, worker_shutting_down

from workflows.execution import shutdown


@worker_ready.connect
def send_waiting_runs_again(**_: Any) -> None:
    """A service that comes back goes on with its queue at once."""
    from workflows.execution.leftovers import remove_leftovers
    from workflows.execution.sweeper import sweep

    sweep(every_queued_run=True)
    remove_leftovers()


@worker_ready.connect
def begin_to_beat(**_: Any) -> None:
    """Say from now on that this worker lives."""
    from workflows.operations.beats import Beat

    beat = Beat()
    beat.start()
    worker_shutdown.connect(lambda **_: beat.stop(), weak=False)


@worker_shutting_down.connect
def hand_runs_back(**_: Any) -> None:
    """Let running trainings end and give their runs back, so that the worker can go."""
    shutdown.requested.set()
