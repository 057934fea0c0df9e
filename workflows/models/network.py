"""Networks and their versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Case, Q, When

from algorithms.workflow_types import WORKFLOW_TYPES, WorkflowType

if TYPE_CHECKING:
    from workflows.models.run import Run

NAME_PATTERN = r"[A-Za-z0-9_-]{1,50}"


class Network(models.Model):
    """A named anomaly-detection problem; the old API calls it nninfo."""

    name = models.CharField(max_length=50, unique=True, validators=[RegexValidator(rf"\A{NAME_PATTERN}\Z")])
    category = models.CharField(max_length=50, blank=True, db_index=True)
    subcategory = models.CharField(max_length=50, blank=True)
    title = models.CharField(max_length=200, blank=True)
    description = models.TextField(max_length=5000, blank=True)
    in_use = models.BooleanField(default=True)
    directory = models.CharField(max_length=50, blank=True, help_text="the old API's `dir`: the intended workflow type")
    config = models.CharField(max_length=50, blank=True, help_text="kept for old clients")
    versions_made = models.PositiveIntegerField(default=0, editable=False, help_text="numbers are never used twice")
    created = models.DateTimeField(auto_now_add=True)
    updated = models.DateTimeField(auto_now=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="networks",
        help_text="nobody in open mode",
    )

    class Meta:
        ordering = ["name"]
        permissions = [("administer_network", "Can see and change every network, and manage users")]

    def __str__(self) -> str:
        return self.name


class Version(models.Model):
    """One numbered attempt at a network: a workflow with its parameters, data and runs."""

    network = models.ForeignKey(Network, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    description = models.TextField(max_length=5000, blank=True)
    active = models.BooleanField(default=False, help_text="the version that `active` means at predict")
    workflow_type = models.CharField(max_length=50, blank=True)
    pinned_run = models.ForeignKey(
        "workflows.Run", null=True, blank=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    runs_made = models.PositiveIntegerField(default=0, editable=False, help_text="numbers are never used twice")
    scoring_jobs_made = models.PositiveIntegerField(
        default=0, db_default=0, editable=False, help_text="numbers are never used twice"
    )
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["network", "number"]
        constraints = [
            models.UniqueConstraint(fields=["network", "number"], name="version_number_unique_in_network"),
            models.UniqueConstraint(
                fields=["network"], condition=Q(active=True), name="one_active_version_per_network"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.network.name} version {self.number}"

    @property
    def type(self) -> WorkflowType | None:
        """The workflow type, None before the workflow is initialised."""
        return WORKFLOW_TYPES.get(self.workflow_type)

    @property
    def serving_run(self) -> Run | None:
        """The run whose model answers: the pinned one, else the newest that succeeded."""
        pinned_first = Case(When(pk=self.pinned_run_id, then=0), default=1)
        return self.runs.succeeded().defer("result", "snapshot").order_by(pinned_first, "-number").first()

    @property
    def last_run(self) -> Run | None:
        """The newest run, whatever its state."""
        return self.runs.defer("result", "snapshot").order_by("-number").first()
