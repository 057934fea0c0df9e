"""Training: start, state, stop, history, log."""

from uuid import UUID

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from workflows.access.principal import user_of
from workflows.api.pagination import Page, PageQuery
from workflows.api.representation import Downloads
from workflows.api.schema import documented
from workflows.api.serializers import runs as shapes
from workflows.models import Version
from workflows.services import results, runs, versions
from workflows.services.spreadsheets import harmless_lines


class TrainView(APIView):
    """The training of a version."""

    @documented(
        "train_start", "Start training", body=shapes.TrainBody, answer=shapes.RunStarted, errors=(404, 409, 422)
    )
    def post(self, request: Request, nnid: str, ver: int) -> Response:
        version = versions.get_version(nnid, ver)
        shapes.TrainBody.body(request)
        run = runs.start_run(version, user_of(request))
        return Response(shapes.RunStarted(run).data)

    @documented("train_state", "State and progress of the newest run", answer=shapes.RunRecord)
    def get(self, request: Request, nnid: str, ver: int) -> Response:
        return Response(shapes.RunRecord(runs.last_run(versions.get_version(nnid, ver))).data)

    @documented("train_change", "Stop the run", body=shapes.TrainChange, answer=shapes.RunRecord, errors=(404, 409))
    def put(self, request: Request, nnid: str, ver: int) -> Response:
        version = versions.get_version(nnid, ver)
        shapes.TrainChange.body(request)
        return self._stop(version)

    @documented("train_stop", "Stop the run", answer=shapes.RunRecord, errors=(404, 409))
    def delete(self, request: Request, nnid: str, ver: int) -> Response:
        return self._stop(versions.get_version(nnid, ver))

    def _stop(self, version: Version) -> Response:
        return Response(shapes.RunRecord(runs.cancel_run(version)).data)


class HistoryView(APIView):
    """Every run of a version with all that made it."""

    @documented(
        "train_history", "Every run with all that made it", query=PageQuery, answer=shapes.RunHistory(many=True)
    )
    def get(self, request: Request, nnid: str, ver: int) -> Response:
        version = versions.get_version(nnid, ver)
        page = Page(runs.list_runs(version), PageQuery.query(request))
        body = shapes.RunHistory(page.items, many=True, context=runs.serving_context(version)).data
        return page.answer(body, request)


class LogView(Downloads, APIView):
    """The end of a run's log."""

    @documented(
        "run_log",
        "The last lines of a run's log",
        query=shapes.LogQuery,
        answer={(200, "application/json"): shapes.LogLines, (200, "text/plain"): OpenApiTypes.STR},
    )
    def get(self, request: Request, run: UUID, line: int) -> HttpResponseBase:
        download = shapes.LogQuery.query(request).get("download")
        found = runs.get_job_by_id(run)
        lines = results.tail_log(found, line)
        if download is None:
            return Response({"id": str(found.id), "state": found.state, "lines": lines})
        return HttpResponse(
            harmless_lines(lines),
            content_type="text/plain; charset=utf-8",
            headers={
                "Content-Disposition": f'attachment; filename="run-{found.id}.log"',
                "X-Content-Type-Options": "nosniff",
            },
        )
