"""Workflows: what is offered, how one is created, what state it is in."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from workflows.api.schema import documented
from workflows.api.serializers import workflow as shapes
from workflows.api.serializers.networks import Deleted
from workflows.api.views.networks import deleted
from workflows.models import Version
from workflows.services import nodes, versions, workflow_state


def _place(version: Version) -> dict[str, Any]:
    return {"nn_id": version.network.name, "nn_wf_ver_id": version.number}


class InitView(APIView):
    """The node chain of a version."""

    @documented(
        "workflow_create",
        "Create the node chain of a type",
        body=shapes.WorkflowTypeBody,
        answer=shapes.WorkflowRecord,
        errors=(404, 409),
    )
    def post(self, request: Request, nnid: str, ver: int) -> Response:
        version = versions.get_version(nnid, ver)
        type_name = shapes.WorkflowTypeBody.body(request)["type"]
        chain = nodes.initialise(version, type_name)
        return Response({**_place(version), "type": type_name, "nodes": [node.name for node in chain]})

    @documented("workflow_read", "Read the node chain", answer=shapes.WorkflowRecord)
    def get(self, request: Request, nnid: str, ver: int) -> Response:
        version = versions.get_version(nnid, ver)
        chain = nodes.list_nodes(version)
        return Response({**_place(version), "type": version.workflow_type, "nodes": [node.name for node in chain]})

    @documented("workflow_delete", "Remove the node chain with its data", answer=Deleted, errors=(404, 409))
    def delete(self, request: Request, nnid: str, ver: int) -> Response:
        version = versions.get_version(nnid, ver)
        nodes.remove_workflow(version)
        return deleted(f"the workflow of {version}")


class NodeParametersView(APIView):
    """The stored parameters of one node, or of `all`."""

    @documented("node_parameters", "Read the parameters of one node, or of all", answer=shapes.NodeRecord(many=True))
    def get(self, request: Request, nnid: str, ver: int, node: str) -> Response:
        version = versions.get_version(nnid, ver)
        found = nodes.list_nodes(version) if node == "all" else [nodes.get_node(version, node)]
        return Response(shapes.NodeRecord(found, many=True).data)


class WorkflowStateView(APIView):
    """The state of each node, and what is missing for training."""

    @documented("workflow_state", "What the nodes have, and what is missing", answer=shapes.WorkflowState)
    def get(self, request: Request, nnid: str, ver: int) -> Response:
        version = versions.get_version(nnid, ver)
        return Response({**_place(version), **workflow_state.describe_state(version)})


class WorkflowNodesView(APIView):
    """The nodes of a version with the edges between them."""

    @documented("workflow_nodes", "List the nodes and edges", answer=shapes.NodeGraph)
    def get(self, request: Request, nnid: str, ver: int) -> Response:
        version = versions.get_version(nnid, ver)
        chain = [node.name for node in nodes.list_nodes(version)]
        return Response(
            {**_place(version), "type": version.workflow_type, "nodes": chain, "edges": workflow_state.edges()}
        )


class MenuView(APIView):
    """The workflow types on offer."""

    @documented("workflow_types", "List the workflow types on offer", answer=shapes.WorkflowTypeRecord(many=True))
    def get(self, request: Request) -> Response:
        return Response(workflow_state.describe_types(schemas=False))


class GraphView(APIView):
    """The workflow types with their edges and the JSON schemas of their parameters."""

    @documented(
        "workflow_type_graphs",
        "Describe the workflow types with their parameters' schemas",
        answer=shapes.WorkflowTypeGraph(many=True),
    )
    def get(self, request: Request) -> Response:
        return Response(workflow_state.describe_types(schemas=True))
