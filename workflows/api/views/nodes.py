"""Nodes: uploads and parameters."""

from collections.abc import Sequence
from typing import Any, ClassVar

from drf_spectacular.utils import PolymorphicProxySerializer
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from algorithms.workflow_types import WORKFLOW_TYPES
from workflows.access.principal import user_of
from workflows.access.quotas import refuse_request
from workflows.api.pagination import Page, PageQuery
from workflows.api.parsers import UploadParser
from workflows.api.schema import documented
from workflows.api.serializers import workflow as shapes
from workflows.api.serializers.rules import EvaluationRecord, RuleRecord
from workflows.errors import Invalid
from workflows.models import Node
from workflows.services import datasets, nodes, rules, versions

MULTIPART = {
    "multipart/form-data": {
        "type": "object",
        "properties": {"file": {"type": "string", "format": "binary"}},
        "additionalProperties": {"type": "string", "format": "binary"},
        "description": "one or many files under any field names",
    }
}


def parameters_of(*names: str) -> Any:
    """Return the OpenAPI schema of the parameters of nodes of every workflow type."""
    models = {workflow.nodes[name] for workflow in WORKFLOW_TYPES.values() for name in names}
    if len(models) == 1:
        return models.pop()
    return PolymorphicProxySerializer(
        component_name="".join(sorted(model.__name__ for model in models)),
        serializers=sorted(models, key=lambda model: model.__name__),
        resource_type_field_name=None,
    )


class DataView(APIView):
    """The files of a data node, and how they are read."""

    nodes: ClassVar[tuple[str, ...]] = ("datasrc", "evaldata")

    def get_parsers(self) -> list[BaseParser]:
        if self.request is not None and self.request.method == "POST":
            return [UploadParser()]
        return super().get_parsers()

    def _node(self, nnid: str, ver: int, name: str) -> Node:
        return nodes.get_node(versions.get_version(nnid, ver), name, among=self.nodes)

    @documented("data_upload", "Upload CSV files", body=MULTIPART, answer=shapes.Uploaded, errors=(404, 409, 422))
    def post(self, request: Request, nnid: str, ver: int, node: str, **_: str) -> Response:
        found = self._node(nnid, ver, node)
        refuse_request(found, int(request.META.get("CONTENT_LENGTH") or 0))
        stored = datasets.store_uploads(found, _uploads(request))
        return Response(
            {
                "status": "200",
                "result": f"{len(stored)} file upload success",
                "files": shapes.FileRecord(stored, many=True).data,
                "rows": datasets.count_rows(found),
            }
        )

    @documented(
        "data_parameters",
        "Set how files are read",
        body=parameters_of("datasrc"),
        answer=shapes.NodeRecord,
        errors=(404,),
    )
    def put(self, request: Request, nnid: str, ver: int, node: str, **_: str) -> Response:
        found = nodes.set_parameters(self._node(nnid, ver, node), dict(request.data))
        return Response(shapes.NodeRecord(found).data)

    @documented("data_list", "List the uploaded files", query=PageQuery, answer=shapes.FileRecord(many=True))
    def get(self, request: Request, nnid: str, ver: int, node: str, **_: str) -> Response:
        page = Page(datasets.list_files(self._node(nnid, ver, node)), PageQuery.query(request))
        return page.answer(shapes.FileRecord(page.items, many=True).data, request)

    @documented(
        "data_delete", "Remove one file, or all", body=shapes.FileName, answer=shapes.FilesDeleted, errors=(404, 409)
    )
    def delete(self, request: Request, nnid: str, ver: int, node: str, **_: str) -> Response:
        names = datasets.delete_files(self._node(nnid, ver, node), shapes.FileName.body(request).get("file"))
        return Response({"status": "200", "result": f"{len(names)} files were deleted", "files": names})


def _uploads(request: Request) -> Sequence[datasets.Upload]:
    fields = [name for name in request.data if name not in request.FILES]
    if fields:
        raise Invalid(
            "the form has fields that are no files",
            {name: ["unknown field; parameters such as `encoding` are PUT to this path as JSON"] for name in fields},
        )
    return [
        datasets.Upload(name=str(file.name), file=file)
        for field in request.FILES
        for file in request.FILES.getlist(field)
    ]


class ParametersView(APIView):
    """Parameters of a node; POST and PUT both set those given and keep the others."""

    nodes: ClassVar[tuple[str, ...]] = ()

    def _node(self, nnid: str, ver: int, name: str, net: str | None) -> Node:
        version = versions.get_version(nnid, ver)
        found = nodes.get_node(version, name, among=self.nodes)
        if net is not None:
            nodes.require_detector(version, net)
        return found

    def _set(self, request: Request, nnid: str, ver: int, node: str, net: str | None = None) -> Response:
        found = nodes.set_parameters(self._node(nnid, ver, node, net), dict(request.data), user_of(request))
        return self._answer(found)

    def _read(self, nnid: str, ver: int, node: str, net: str | None = None) -> Response:
        return self._answer(self._node(nnid, ver, node, net))

    def _answer(self, node: Node) -> Response:
        return Response(shapes.NodeRecord(node).data)


class FeederView(ParametersView):
    """Which columns are used, and how they are encoded."""

    nodes = ("feed_train", "feed_test")

    @documented(
        "feeder_set",
        "Set which columns are used, and how",
        body=parameters_of("feed_train"),
        answer=shapes.NodeRecord,
        errors=(404, 422),
    )
    def post(self, request: Request, nnid: str, ver: int, node: str, net: str) -> Response:
        return self._set(request, nnid, ver, node, net)

    @documented(
        "feeder_change",
        "Change which columns are used, and how",
        body=parameters_of("feed_train"),
        answer=shapes.NodeRecord,
        errors=(404, 422),
    )
    def put(self, request: Request, nnid: str, ver: int, node: str, net: str) -> Response:
        return self._set(request, nnid, ver, node, net)

    @documented("feeder_read", "Read the feeder's parameters", answer=shapes.NodeRecord)
    def get(self, request: Request, nnid: str, ver: int, node: str, net: str) -> Response:
        return self._read(nnid, ver, node, net)


class NetworkParametersView(ParametersView):
    """The model and its training."""

    nodes = ("netconf_node",)

    @documented(
        "netconf_set",
        "Set the model and its training",
        body=parameters_of("netconf_node"),
        answer=shapes.NodeRecord,
        errors=(404, 422),
    )
    def post(self, request: Request, nnid: str, ver: int, net: str) -> Response:
        return self._set(request, nnid, ver, "netconf_node", net)

    @documented(
        "netconf_change",
        "Change the model and its training",
        body=parameters_of("netconf_node"),
        answer=shapes.NodeRecord,
        errors=(404, 422),
    )
    def put(self, request: Request, nnid: str, ver: int, net: str) -> Response:
        return self._set(request, nnid, ver, "netconf_node", net)

    @documented("netconf_read", "Read the model's parameters", answer=shapes.NodeRecord)
    def get(self, request: Request, nnid: str, ver: int, net: str) -> Response:
        return self._read(nnid, ver, "netconf_node", net)


class EvaluationView(ParametersView):
    """The label column and the threshold rule; a rule that is set is in force at once for the run that serves."""

    nodes = ("eval_node",)

    def _answer(self, node: Node) -> Response:
        return Response(EvaluationRecord(node, context=rules.serving_context(node.version)).data)

    @documented(
        "evaluation_set",
        "Set the label and the threshold rule",
        body=parameters_of("eval_node"),
        answer=EvaluationRecord,
        errors=(404, 422),
    )
    def post(self, request: Request, nnid: str, ver: int) -> Response:
        return self._set(request, nnid, ver, "eval_node")

    @documented(
        "evaluation_change",
        "Change the label and the threshold rule",
        body=parameters_of("eval_node"),
        answer=EvaluationRecord,
        errors=(404, 422),
    )
    def put(self, request: Request, nnid: str, ver: int) -> Response:
        return self._set(request, nnid, ver, "eval_node")

    @documented("evaluation_read", "Read the evaluation's parameters", answer=EvaluationRecord)
    def get(self, request: Request, nnid: str, ver: int) -> Response:
        return self._read(nnid, ver, "eval_node")


class RulesView(APIView):
    """Which rules a version's verdicts were made by, from when, and who set them."""

    @documented("rule_list", "List the rules of verdicts", query=PageQuery, answer=RuleRecord(many=True))
    def get(self, request: Request, nnid: str, ver: int) -> Response:
        version = versions.get_version(nnid, ver)
        page = Page(rules.list_rules(version), PageQuery.query(request))
        context = rules.serving_context(version)
        return page.answer(RuleRecord(page.items, many=True, context=context).data, request)
