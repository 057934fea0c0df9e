"""Waking workers: one message for each queued job, of the task that does jobs of its kind."""

from django.db import transaction

from workflows.models import Job, Run


def enqueue(job: Job) -> None:
    """Wake a worker once the present transaction is committed; a message that is lost is sent again by the sweeper."""
    from workflows.tasks import score_job, train

    task = train if isinstance(job, Run) else score_job
    job_id = str(job.id)
    transaction.on_commit(lambda: task.delay(job_id), robust=True)
