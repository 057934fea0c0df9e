"""Serving: scoring jobs, the rules that verdicts are made by, what was predicted, and what turned out to be true."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from workflows.models.job import Job, JobQuerySet
from workflows.models.network import Version
from workflows.models.run import Run


class Rule(models.Model):
    """What makes a verdict of a score, for one run: the newest of a run is in force. Rules are never changed."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="rules")
    rule = models.JSONField(
        help_text="{rule: contamination|fixed|best_f1|top_k|fdr, and the number that belongs to it}"
    )
    value = models.JSONField(
        null=True, help_text="{value} of rows, {u, v, e} of a graph; null where each batch has a threshold of its own"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    username = models.CharField(max_length=150, blank=True, help_text="who set it; empty: the training, or open mode")
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["run", "-id"]

    def __str__(self) -> str:
        return f"rule {self.pk} of {self.run}"


SOURCE_FILE = "source"
"""The file of a scoring job as it came."""


class ScoringJob(Job):
    """The scoring of one file by a trained run; `number` counts those of a version."""

    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="scoring_jobs")
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="scoring_jobs")
    number = models.PositiveIntegerField()
    rule = models.ForeignKey(Rule, on_delete=models.CASCADE, related_name="scoring_jobs")
    source = models.JSONField(help_text="{kind: upload|file, name, format, size; of a file of a node its id}")
    options = models.JSONField(default=dict, blank=True, help_text="{keep, encoding, delimiter}")
    summary = models.JSONField(null=True, blank=True, help_text="rows, anomalies, threshold, unseen, contributions, …")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="scoring_jobs",
        help_text="nobody in open mode",
    )

    objects: ClassVar[JobQuerySet["ScoringJob"]] = JobQuerySet["ScoringJob"].as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ["version", "number"]
        constraints = [
            models.UniqueConstraint(fields=["version", "number"], name="scoring_job_number_unique_in_version")
        ]

    def __str__(self) -> str:
        return f"{self.version}, scoring job {self.number}"

    @property
    def prefix(self) -> str:
        """Where the storage has all files of the job (workflows.files)."""
        return f"scored/{self.id}"

    @property
    def source_prefix(self) -> str:
        """The file as it came; gone once the job has ended."""
        return f"{self.prefix}/source"


class LoggedRow(models.Model):
    """A row that was scored, as it was answered; values of masked columns are left out."""

    # Its indexes below begin with the version.
    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="logged_rows", db_index=False)
    run = models.ForeignKey(Run, null=True, on_delete=models.SET_NULL, related_name="+")
    rule = models.ForeignKey(Rule, null=True, on_delete=models.SET_NULL, related_name="+", db_index=False)
    scoring_job = models.ForeignKey(
        ScoringJob, null=True, on_delete=models.CASCADE, related_name="logged_rows", help_text="null: a predict request"
    )
    row_id = models.CharField(
        max_length=64, help_text="of predict: given by the client, or drawn; of a job: {job}-{row}"
    )
    created = models.DateTimeField(db_index=True)
    score = models.FloatField()
    anomaly = models.BooleanField()
    values = models.JSONField(default=dict)
    contributions = models.JSONField(default=dict, help_text="the largest few")

    class Meta:
        ordering = ["version", "-created", "-id"]
        indexes = [
            models.Index(fields=["version", "created"], name="logged_by_time"),
            models.Index(fields=["version", "score"], name="logged_by_score"),
            models.Index(fields=["version", "row_id"], name="logged_by_row_id"),
        ]

    def __str__(self) -> str:
        return f"row {self.row_id} of {self.version}"


class Tally(models.Model):
    """How many rows fell where, on one day of predict requests or in one scoring job: what drift is told by."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="tallies")
    scoring_job = models.OneToOneField(ScoringJob, null=True, on_delete=models.CASCADE, related_name="tally")
    day = models.DateField()
    rows = models.PositiveBigIntegerField()
    anomalies = models.PositiveBigIntegerField(default=0)
    counts = models.JSONField(help_text="algorithms.drift.Tally")
    updated = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["run", "day", "id"]
        verbose_name_plural = "tallies"
        constraints = [
            models.UniqueConstraint(
                fields=["run", "day"], condition=Q(scoring_job=None), name="one_tally_of_predictions_a_day"
            )
        ]

    def __str__(self) -> str:
        return f"{self.rows} rows of {self.run} on {self.day}"


class Feedback(models.Model):
    """What a scored row turned out to be. The latest word on a row counts."""

    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="feedback")
    run = models.ForeignKey(Run, null=True, on_delete=models.SET_NULL, related_name="+")
    row_id = models.CharField(max_length=64)
    label = models.BooleanField(help_text="true: an anomaly")
    score = models.FloatField(help_text="as it was answered")
    anomaly = models.BooleanField(help_text="the verdict as it was answered")
    scored = models.DateTimeField()
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    username = models.CharField(max_length=150, blank=True)
    updated = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["version", "id"]
        verbose_name_plural = "feedback"
        constraints = [models.UniqueConstraint(fields=["version", "row_id"], name="one_word_on_a_row")]

    def __str__(self) -> str:
        return f"row {self.row_id} of {self.version}: {'anomaly' if self.label else 'normal'}"
