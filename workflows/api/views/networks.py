"""Networks, versions, and the runs of a version."""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from workflows.access.principal import user_of
from workflows.api.pagination import Page, PageQuery
from workflows.api.schema import documented
from workflows.api.serializers import networks as shapes
from workflows.api.serializers.runs import RunNumber, RunPin, RunSummary
from workflows.errors import NotOffered
from workflows.services import networks, runs, versions
from workflows.services.networks import EVERY


def deleted(what: str) -> Response:
    """Answer a deletion."""
    return Response({"status": "200", "result": f"{what} was deleted"})


class NetworkView(APIView):
    """A network; `new` as nnid draws a name on POST, `all` lists on GET."""

    @documented(
        "network_create", "Create a network", body=shapes.NetworkBody, answer=shapes.NetworkCreated, errors=(405, 409)
    )
    def post(self, request: Request, nnid: str) -> Response:
        network = networks.create_network(nnid, owner=user_of(request), **shapes.NetworkBody.body(request))
        return Response({"nn_id": network.name, "graph": shapes.NetworkGraph([network], many=True).data})

    @documented("network_read", "Read a network, or list all", query=shapes.NetworkQuery, answer=shapes.NetworkList)
    def get(self, request: Request, nnid: str) -> Response:
        query = shapes.NetworkQuery.query(request)
        if nnid != EVERY:
            return Response(_listed([networks.get_network(nnid)]))
        filters = {name: query[name] for name in ("category", "subcategory", "in_use") if name in query}
        page = Page(networks.list_networks(user_of(request), **filters), query)
        return page.answer(_listed(page.items) | page.fields(), request)

    @documented(
        "network_change", "Change a network", body=shapes.NetworkBody, answer=shapes.NetworkRecord, errors=(404, 405)
    )
    def put(self, request: Request, nnid: str) -> Response:
        network = networks.get_network(_single(nnid))
        return Response(shapes.NetworkRecord(networks.update_network(network, **shapes.NetworkBody.body(request))).data)

    @documented("network_delete", "Delete a network with all it holds", answer=shapes.Deleted, errors=(404, 405, 409))
    def delete(self, request: Request, nnid: str) -> Response:
        networks.delete_network(networks.get_network(_single(nnid)))
        return deleted(f"network {nnid}")


def _single(nnid: str) -> str:
    if nnid == EVERY:
        raise NotOffered("'all' is a reserved name: it lists networks on GET")
    return nnid


def _listed(found: list[Any]) -> dict[str, Any]:
    return {
        "fields": shapes.NetworkRecord(found, many=True).data,
        "graph": shapes.NetworkGraph(found, many=True).data,
    }


class VersionsView(APIView):
    """The versions of a network."""

    @documented("version_create", "Create the next version", body=shapes.VersionBody, answer={200: int}, errors=(404,))
    def post(self, request: Request, nnid: str) -> Response:
        network = networks.get_network(nnid)
        body = shapes.VersionBody.body(request)
        source = body.pop("copy_from", None)
        copy_from = None if source is None else versions.get_version_of(network, source)
        version = versions.create_version(network, copy_from=copy_from, **body)
        return Response(version.number)

    @documented("version_list", "List the versions", query=PageQuery, answer=shapes.VersionRecord(many=True))
    def get(self, request: Request, nnid: str) -> Response:
        page = Page(versions.list_versions(networks.get_network(nnid)), PageQuery.query(request))
        return page.answer(shapes.VersionRecord(page.items, many=True).data, request)

    @documented(
        "version_change", "Change or activate a version", body=shapes.VersionChange, answer=shapes.VersionRecord
    )
    def put(self, request: Request, nnid: str) -> Response:
        network = networks.get_network(nnid)
        body = shapes.VersionChange.body(request)
        version = versions.update_version(versions.get_version_of(network, body.pop("number")), **body)
        return Response(shapes.VersionRecord(version).data)

    @documented(
        "version_delete",
        "Delete a version with all it holds",
        body=shapes.VersionNumber,
        answer=shapes.Deleted,
        errors=(404, 409),
    )
    def delete(self, request: Request, nnid: str) -> Response:
        network = networks.get_network(nnid)
        version = versions.get_version_of(network, shapes.VersionNumber.body(request)["number"])
        versions.delete_version(version)
        return deleted(str(version))


class VersionRunsView(APIView):
    """The runs (the old API's batches) of a version, and which of them serves."""

    @documented("version_runs", "List the runs of a version", query=PageQuery, answer=RunSummary(many=True))
    def get(self, request: Request, nnid: str, ver: int) -> Response:
        version = versions.get_version(nnid, ver)
        page = Page(runs.list_runs(version), PageQuery.query(request))
        return page.answer(RunSummary(page.items, many=True, context=runs.serving_context(version)).data, request)

    @documented(
        "version_pin_run", "Pin the run that serves, or release it", body=RunPin, answer=RunSummary, errors=(404, 409)
    )
    def put(self, request: Request, nnid: str, ver: int) -> Response:
        version = versions.get_version(nnid, ver)
        body = RunPin.body(request)
        run = runs.get_run(version, str(body["number"]))
        versions.pin_run(version, run, pinned=body["pinned"])
        return Response(RunSummary(runs.get_run(version, str(run.number)), context=runs.serving_context(version)).data)

    @documented(
        "version_delete_run",
        "Delete a run that does not serve",
        body=RunNumber,
        answer=shapes.Deleted,
        errors=(404, 409),
    )
    def delete(self, request: Request, nnid: str, ver: int) -> Response:
        version = versions.get_version(nnid, ver)
        run = runs.get_run(version, str(RunNumber.body(request)["number"]))
        runs.delete_run(version, run)
        return deleted(str(run))
