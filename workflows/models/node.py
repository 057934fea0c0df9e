"""Nodes of a version's workflow and the data files uploaded to them."""

import uuid
from typing import Any

from django.db import models

from algorithms.params import Params
from algorithms.workflow_types import WORKFLOW_TYPES
from workflows.models.network import Version


class Node(models.Model):
    """One step of a workflow; `parameters` holds what was set, under the API's names; the rest has its default."""

    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="nodes")
    name = models.CharField(max_length=50)
    position = models.PositiveSmallIntegerField()
    parameters = models.JSONField(default=dict, blank=True)
    configured = models.DateTimeField(null=True, blank=True, help_text="when parameters were last set")

    class Meta:
        ordering = ["version", "position"]
        constraints = [models.UniqueConstraint(fields=["version", "name"], name="node_name_unique_in_version")]

    def __str__(self) -> str:
        return f"{self.version}, {self.name}"

    @property
    def params_type(self) -> type[Params]:
        """The model of this node's parameters."""
        return WORKFLOW_TYPES[self.version.workflow_type].nodes[self.name]

    def resolved(self) -> dict[str, Any]:
        """Return every parameter, those not set with their defaults."""
        return self.params_type.model_validate(self.parameters).stored()


SOURCE, TABLE = "source.csv", "table.parquet"
"""Files of an upload: as it came, and the typed copy that is trained on."""


class DataFile(models.Model):
    """An uploaded CSV file and its typed Parquet copy; both lie in one folder named by `id`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    node = models.ForeignKey(Node, on_delete=models.CASCADE, related_name="files")
    name = models.CharField(max_length=255, help_text="as uploaded; shown, never used as a path")
    size = models.PositiveBigIntegerField(help_text="bytes")
    sha256 = models.CharField(max_length=64)
    rows = models.PositiveBigIntegerField()
    columns = models.JSONField(help_text="list of {name, type, missing}")
    encoding = models.CharField(max_length=40)
    delimiter = models.CharField(max_length=1)
    notices = models.JSONField(default=list, blank=True)
    uploaded = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["node", "uploaded", "name"]
        constraints = [models.UniqueConstraint(fields=["node", "name"], name="file_name_unique_in_node")]

    def __str__(self) -> str:
        return self.name

    @property
    def prefix(self) -> str:
        """Where the storage has the file as uploaded and its typed copy (workflows.files)."""
        return f"uploads/{self.id}"

    @property
    def column_names(self) -> list[str]:
        """Names of the columns, in the file's order."""
        return [column["name"] for column in self.columns]
