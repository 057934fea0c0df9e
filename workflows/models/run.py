"""Runs: one training of a version, from the request to its result."""

import uuid
from pathlib import Path
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from workflows.models.network import Version


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


class RunQuerySet(models.QuerySet["Run"]):
    """Queries and state changes of runs."""

    def open(self) -> Self:
        """Runs that wait or train."""
        return self.filter(state__in=OPEN_STATES)

    def succeeded(self) -> Self:
        """Runs with a result."""
        return self.filter(state=RunState.SUCCEEDED)

    def move(self, run_id: uuid.UUID, source: RunState, target: RunState, **fields: Any) -> bool:
        """Change the state of a run if it still is `source`; True if this call did it."""
        return bool(self.filter(id=run_id, state=source).update(state=target, **fields))


class Run(models.Model):
    """One training: the snapshot of what it was asked to do, its progress, its result or its error."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="runs")
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=RunState, default=RunState.QUEUED, db_index=True)
    cancel_requested = models.BooleanField(default=False)
    attempts = models.PositiveSmallIntegerField(default=0)
    worker = models.CharField(max_length=200, blank=True)
    snapshot = models.JSONField(
        help_text="workflow type, parameters by node (given, and all of them), data files with digests, seed"
    )
    progress = models.JSONField(default=dict, blank=True)
    metrics = models.JSONField(null=True, blank=True)
    threshold = models.JSONField(null=True, blank=True)
    result = models.JSONField(null=True, blank=True, help_text="all of it; lists leave it in the database")
    libraries = models.JSONField(default=dict, blank=True)
    error = models.TextField(blank=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="runs",
        help_text="nobody in open mode",
    )
    created = models.DateTimeField(auto_now_add=True)
    enqueued = models.DateTimeField(null=True, blank=True)
    started = models.DateTimeField(null=True, blank=True)
    heartbeat = models.DateTimeField(null=True, blank=True)
    beats = models.PositiveBigIntegerField(
        default=0,
        db_default=0,
        editable=False,
        help_text="grows as long as somebody works on the run: clocks may jump, it does not",
    )
    failures = models.JSONField(
        default=list, db_default=[], blank=True, help_text="attempts that were cut off: {attempt, worker, reason}"
    )
    finished = models.DateTimeField(null=True, blank=True)

    objects = RunQuerySet.as_manager()

    class Meta:
        ordering = ["version", "number"]
        constraints = [
            models.UniqueConstraint(fields=["version", "number"], name="run_number_unique_in_version"),
            models.UniqueConstraint(
                fields=["version"], condition=Q(state__in=["queued", "running"]), name="one_open_run_per_version"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.version}, run {self.number}"

    @property
    def condition(self) -> str:
        """The old API's code of the state."""
        return CONDITION[RunState(self.state)]

    @property
    def prefix(self) -> str:
        """Where the storage has all files of the run (workflows.files)."""
        return f"runs/{self.id}"

    @property
    def log_key(self) -> str:
        """The log of the training process, of all attempts."""
        return f"{self.prefix}/run.log"

    @property
    def artifact_prefix(self) -> str:
        """The trained model and its scores; of its own for each attempt, so that a worker given up cannot harm it."""
        return f"{self.prefix}/artifact-{self.attempts}"

    @property
    def checkpoint_prefix(self) -> str:
        """How far a training has come; gone once the run has ended."""
        return f"{self.prefix}/checkpoint"

    @property
    def kept_names(self) -> set[str]:
        """What stays under the prefix of a run that has ended, in its present state."""
        return {"run.log", f"artifact-{self.attempts}"} if self.state == RunState.SUCCEEDED else {"run.log"}

    @property
    def job_folder(self) -> Path:
        """Where the training process of this attempt works; removed afterwards."""
        return Path(settings.JOBS_ROOT) / f"{self.id}-{self.attempts}"
