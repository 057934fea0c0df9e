"""Runs: one training of a version, from the request to its result."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from workflows.models.job import Job, JobQuerySet
from workflows.models.network import Version


class Run(Job):
    """One training: the snapshot of what it was asked to do, its progress, its result or its error."""

    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="runs")
    number = models.PositiveIntegerField()
    snapshot = models.JSONField(
        help_text="workflow type, parameters by node (given, and all of them), data files with digests, seed"
    )
    metrics = models.JSONField(null=True, blank=True)
    threshold = models.JSONField(null=True, blank=True)
    result = models.JSONField(null=True, blank=True, help_text="all of it; lists leave it in the database")
    libraries = models.JSONField(default=dict, blank=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="runs",
        help_text="nobody in open mode",
    )

    objects: ClassVar[JobQuerySet["Run"]] = JobQuerySet["Run"].as_manager()  # type: ignore[assignment]

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
    def prefix(self) -> str:
        """Where the storage has all files of the run (workflows.files)."""
        return f"runs/{self.id}"
