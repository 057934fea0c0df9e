"""What the operation of the service is seen by: living workers, and totals that outlive the runs they count."""

from django.db import models


class WorkerBeat(models.Model):
    """A worker process that lives: it writes its row every few seconds and deletes it when it ends."""

    name = models.CharField(max_length=200, unique=True, help_text="host and process")
    host = models.CharField(max_length=200)
    started = models.DateTimeField()
    seen = models.DateTimeField(db_index=True)
    running = models.PositiveIntegerField(default=0, help_text="child processes now")
    slots = models.PositiveIntegerField(default=1, help_text="tasks it does at once")
    release = models.CharField(max_length=40, help_text="of the service")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Total(models.Model):
    """A sum over all time, for the metrics: runs that are deleted stay counted."""

    name = models.CharField(max_length=100, primary_key=True)
    value = models.FloatField(default=0)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return f"{self.name} {self.value:g}"
