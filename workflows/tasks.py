"""Celery tasks: another way into the services, each carrying an id at most."""

from uuid import UUID

from celery import shared_task

from workflows.execution import leftovers
from workflows.execution.sweeper import sweep as sweep_runs
from workflows.execution.training import execute_run


@shared_task(ignore_result=True)
def train(run_id: str) -> None:
    """Train one run."""
    execute_run(UUID(run_id))


@shared_task(ignore_result=True)
def sweep() -> None:
    """Find lost messages and dead workers."""
    sweep_runs()


@shared_task(ignore_result=True)
def remove_leftovers() -> None:
    """Remove files that a crash or a stop left behind."""
    leftovers.remove_leftovers()
