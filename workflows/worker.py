"""What a Celery worker does when it starts and when it is told to end (imported by nnservice.celery)."""

from typing import Any

from celery.signals import worker_ready, worker_shutdown, worker_shutting_down


@worker_ready.connect
def begin_to_sweep(**_: Any) -> None:
    """Put right what was left behind, at once and from now on."""
    from workflows.execution.housekeeping import Housekeeper
    from workflows.execution.sweeper import Sweeper

    Sweeper().start()
    Housekeeper().start()


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
