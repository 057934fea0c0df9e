"""Celery tasks: another way into the services, carrying ids and names of files."""

from pathlib import Path
from uuid import UUID

from celery import shared_task
from celery.exceptions import Reject

from nnservice.logs import log_context
from workflows.execution import leftovers, scoring
from workflows.execution.sweeper import sweep as sweep_runs
from workflows.execution.training import execute_run
from workflows.execution.watch import HandedBack
from workflows.operations import retention


@shared_task(ignore_result=True)
def train(run_id: str) -> None:
    """Train one run."""
    try:
        with log_context(run=run_id):
            execute_run(UUID(run_id))
    except HandedBack:
        raise Reject("the worker is shutting down", requeue=True) from None


@shared_task(ignore_result=True)
def score_file(target: str, name: str) -> None:
    """Score one file of a folder (`services.scoring`)."""
    try:
        scoring.score_file(Path(target), name)
    except scoring.HandedBack:
        raise Reject("the worker is shutting down", requeue=True) from None


@shared_task(ignore_result=True)
def sweep() -> None:
    """Find lost messages and dead workers."""
    sweep_runs()


@shared_task(ignore_result=True)
def apply_retention() -> None:
    """Remove runs and logs that the settings do not keep."""
    retention.apply_retention()


@shared_task(ignore_result=True)
def remove_leftovers() -> None:
    """Remove files that a crash or a stop left behind."""
    leftovers.remove_leftovers()
