"""Jobs: what a worker does for somebody, from the request to its end. Trainings and scoring jobs are of one kind."""

import uuid
from pathlib import Path
from typing import Any, Self, TypeVar, cast

from django.conf import settings
from django.db import models


class RunState(models.TextChoices):
    """queued → running → succeeded | failed | cancelled; running → queued when an attempt is handed back or cut off."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


OPEN_STATES = (RunState.QUEUED, RunState.RUNNING)

# The old API's codes: 1 pending, 2 in progress, 3 finished, 4 error.
CONDITION = {
    RunState.QUEUED: "1",
    RunState.RUNNING: "2",
    RunState.SUCCEEDED: "3",
    RunState.FAILED: "4",
    RunState.CANCELLED: "1",
}


JobT = TypeVar("JobT", bound="Job")


class JobQuerySet(models.QuerySet[JobT]):
    """Queries and state changes of jobs."""

    def open(self) -> Self:
        """Jobs that wait or run."""
        return self.filter(state__in=OPEN_STATES)

    def succeeded(self) -> Self:
        """Jobs with a result."""
        return self.filter(state=RunState.SUCCEEDED)

    def move(self, job_id: uuid.UUID, source: RunState, target: RunState, **fields: Any) -> bool:
        """Change the state of a job if it still is `source`; True if this call did it."""
        return bool(self.filter(id=job_id, state=source).update(state=target, **fields))


class Job(models.Model):
    """What every job has: its place in the state machine, its progress, its attempts, its error."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    state = models.CharField(max_length=10, choices=RunState, default=RunState.QUEUED, db_index=True)
    cancel_requested = models.BooleanField(default=False)
    attempts = models.PositiveSmallIntegerField(default=0)
    worker = models.CharField(max_length=200, blank=True)
    progress = models.JSONField(default=dict, blank=True)
    error = models.TextField(blank=True)
    created = models.DateTimeField(auto_now_add=True)
    enqueued = models.DateTimeField(null=True, blank=True)
    started = models.DateTimeField(null=True, blank=True)
    heartbeat = models.DateTimeField(null=True, blank=True)
    beats = models.PositiveBigIntegerField(
        default=0,
        db_default=0,
        editable=False,
        help_text="grows as long as somebody works on it: clocks may jump, it does not",
    )
    failures = models.JSONField(
        default=list, db_default=[], blank=True, help_text="attempts that were cut off: {attempt, worker, reason}"
    )
    finished = models.DateTimeField(null=True, blank=True)

    class Meta:
        abstract = True

    @classmethod
    def all_jobs(cls) -> JobQuerySet[Self]:
        """Return the jobs of this kind."""
        return cast("JobQuerySet[Self]", cls._default_manager.all())

    @property
    def condition(self) -> str:
        """The old API's code of the state."""
        return CONDITION[RunState(self.state)]

    @property
    def prefix(self) -> str:
        """Where the storage has all files of the job (workflows.files)."""
        raise NotImplementedError

    @property
    def log_key(self) -> str:
        """The log of its processes, of all attempts."""
        return f"{self.prefix}/run.log"

    @property
    def artifact_prefix(self) -> str:
        """What it made; of its own for each attempt, so that a worker given up cannot harm it."""
        return f"{self.prefix}/artifact-{self.attempts}"

    @property
    def checkpoint_prefix(self) -> str:
        """How far it has come; gone once it has ended."""
        return f"{self.prefix}/checkpoint"

    @property
    def kept_names(self) -> set[str]:
        """What stays under the prefix of a job that has ended, in its present state."""
        return {"run.log", f"artifact-{self.attempts}"} if self.state == RunState.SUCCEEDED else {"run.log"}

    @property
    def job_folder(self) -> Path:
        """Where the process of this attempt works; removed afterwards."""
        return Path(settings.JOBS_ROOT) / f"{self.id}-{self.attempts}"
