"""Celery tasks: another way into the services, carrying ids and names of files."""

from pathlib import Path
from uuid import UUID

from celery import shared_task
from celery.exceptions import Reject

from nnservice.logs import log_context
from workflows.execution import housekeeping, scoring
from workflows.execution.scoring_jobs import execute_scoring_job
from workflows.execution.training import execute_run
from workflows.execution.watch import HandedBack


@shared_task(ignore_result=True)
def train(run_id: str) -> None:
    """Train one run."""
    try:
        with log_context(run=run_id):
            execute_run(UUID(run_id))
    except HandedBack:
        raise Reject("the worker is shutting down", requeue=True) from None


@shared_task(ignore_result=True)
def score_job(job_id: str) -> None:
    """Do one scoring job."""
    try:
        with log_context(run=job_id):
            execute_scoring_job(UUID(job_id))
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
def keep_house() -> None:
    """Remove leftovers, and runs and logs that the settings do not keep."""
    housekeeping.keep_house()
