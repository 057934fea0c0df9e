"""What a version's workflow has and what it needs; what the service offers."""

from typing import Any

from algorithms.workflow_types import EDGES, WORKFLOW_TYPES, WorkflowType
from workflows.models import Version
from workflows.services.nodes import list_nodes
from workflows.services.readiness import missing_for_training


def describe_state(version: Version) -> dict[str, Any]:
    """Return the state of each node, and whether the version can be trained."""
    nodes = list_nodes(version) if version.type else []
    missing = missing_for_training(version, nodes)
    last = version.last_run
    return {
        "type": version.workflow_type,
        "ready": not missing,
        "missing": missing,
        "condition": last.condition if last else "1",
        "nodes": [
            {
                "node": node.name,
                "configured": node.configured is not None,
                "files": len(node.files.all()),
                "rows": sum(data_file.rows for data_file in node.files.all()),
                "missing": missing.get(node.name, []),
            }
            for node in nodes
        ],
    }


def describe_types(*, schemas: bool) -> list[dict[str, Any]]:
    """Return the workflow types on offer, with their edges and parameter schemas if wanted."""
    return [_describe(workflow, schemas=schemas) for workflow in WORKFLOW_TYPES.values()]


def _describe(workflow: WorkflowType, *, schemas: bool) -> dict[str, Any]:
    described: dict[str, Any] = {
        "type": workflow.name,
        "title": workflow.title,
        "detector": workflow.detector,
        "nodes": list(workflow.nodes),
    }
    if schemas:
        described["edges"] = edges()
        described["parameters"] = {name: params.model_json_schema() for name, params in workflow.nodes.items()}
    return described


def edges() -> list[list[str]]:
    """Return which node feeds which."""
    return [list(edge) for edge in EDGES]
