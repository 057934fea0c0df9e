"""Workflows, nodes and data files."""

from typing import Any

from rest_framework import serializers

from workflows.api.serializers.base import StrictSerializer
from workflows.models import DataFile, Node


class WorkflowTypeBody(StrictSerializer):
    """The type whose node chain is created."""

    type = serializers.CharField(max_length=50)


class NodeRecord(serializers.ModelSerializer[Node]):
    """A node with all its parameters, those not set with their defaults."""

    node = serializers.CharField(source="name")
    parameters = serializers.DictField(source="resolved")

    class Meta:
        model = Node
        fields = ["node", "configured", "parameters"]


class WorkflowRecord(serializers.Serializer[Any]):
    """The chain of a version."""

    nn_id = serializers.CharField()
    nn_wf_ver_id = serializers.IntegerField()
    type = serializers.CharField(allow_blank=True)
    nodes = serializers.ListField(child=serializers.CharField())


class NodeGraph(WorkflowRecord):
    """The chain with the edges between its nodes."""

    edges = serializers.ListField(
        child=serializers.ListField(child=serializers.CharField(), min_length=2, max_length=2)
    )


class NodeState(serializers.Serializer[Any]):
    """What a node has, and what it needs."""

    node = serializers.CharField()
    configured = serializers.BooleanField(help_text="parameters were set; the defaults work without")
    files = serializers.IntegerField()
    rows = serializers.IntegerField()
    missing = serializers.ListField(child=serializers.CharField())


class WorkflowState(serializers.Serializer[Any]):
    """Whether a version can be trained, and what is missing."""

    nn_id = serializers.CharField()
    nn_wf_ver_id = serializers.IntegerField()
    type = serializers.CharField(allow_blank=True)
    ready = serializers.BooleanField()
    missing = serializers.DictField(child=serializers.ListField(child=serializers.CharField()))
    condition = serializers.CharField()
    nodes = NodeState(many=True)


class Column(serializers.Serializer[Any]):
    """A column of an uploaded file."""

    name = serializers.CharField()
    type = serializers.ChoiceField(["number", "text", "date"])
    missing = serializers.IntegerField(help_text="empty cells")


class FileRecord(serializers.ModelSerializer[DataFile]):
    """An uploaded file."""

    file = serializers.CharField(source="name")
    columns = serializers.ListField(child=serializers.DictField(), help_text="name, type, missing cells")

    class Meta:
        model = DataFile
        fields = [
            "file", "rows", "columns", "size", "sha256", "encoding", "delimiter", "notices", "uploaded",
        ]  # fmt: skip


class Uploaded(serializers.Serializer[Any]):
    """Answer of an upload."""

    status = serializers.CharField()
    result = serializers.CharField()
    files = FileRecord(many=True)
    rows = serializers.IntegerField(help_text="rows of the node, all files together")


class FileName(StrictSerializer):
    """The file to remove; without a name all files of the node are removed."""

    file = serializers.CharField(max_length=255, required=False)


class FilesDeleted(serializers.Serializer[Any]):
    """Which files were removed."""

    status = serializers.CharField()
    result = serializers.CharField()
    files = serializers.ListField(child=serializers.CharField())


class WorkflowTypeRecord(serializers.Serializer[Any]):
    """A workflow type on offer."""

    type = serializers.CharField()
    title = serializers.CharField()
    detector = serializers.CharField()
    nodes = serializers.ListField(child=serializers.CharField())


class WorkflowTypeGraph(WorkflowTypeRecord):
    """A workflow type with its edges and the JSON schemas of its nodes' parameters."""

    edges = serializers.ListField(child=serializers.ListField(child=serializers.CharField()))
    parameters = serializers.DictField(help_text="JSON schema by node")
