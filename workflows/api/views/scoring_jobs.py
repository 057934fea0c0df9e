"""Scoring jobs: a file in, its scores out."""

from typing import Any, cast

from django.http import FileResponse, QueryDict, StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from algorithms.bulk.scored import ScoredRows
from workflows.access.principal import user_of
from workflows.api.pagination import Page, PageQuery
from workflows.api.parsers import JSONObjectParser, UploadParser
from workflows.api.representation import Downloads
from workflows.api.schema import documented
from workflows.api.serializers import scoring_jobs as shapes
from workflows.errors import Invalid
from workflows.models import ScoringJob, Version
from workflows.services import runs, scoring_jobs, versions
from workflows.services.datasets import Upload
from workflows.watching.scored import name_of_row

BODY = {
    "application/json": shapes.ScoringBody,
    "multipart/form-data": {
        "type": "object",
        "required": ["file"],
        "properties": {
            "file": {"type": "string", "format": "binary", "description": "CSV or Parquet, under any field name"},
            "keep": {"type": "array", "items": {"type": "string"}},
            "context": {"type": "string", "enum": ["none", "training"]},
            "encoding": {"type": "string"},
            "delimiter": {"type": "string"},
        },
    },
}


def _version(nnid: str, served: int | None) -> Version:
    return versions.get_active_version(nnid) if served is None else versions.get_version(nnid, served)


def _options(request: Request) -> dict[str, Any]:
    """Return the fields of a form beside its file; `keep` may be there several times."""
    form = cast("QueryDict", request.data)
    names = [name for name in form if name not in request.FILES]
    return shapes.ScoringOptions.of({name: form.getlist(name) if name == "keep" else form[name] for name in names})


class ScoringJobsView(APIView):
    """The scoring jobs of a version."""

    def get_parsers(self) -> list[BaseParser]:
        return [UploadParser(), JSONObjectParser()]

    @documented("batch_start", "Score a file", body=BODY, answer=shapes.ScoringJobRecord, errors=(404, 409, 422))
    def post(self, request: Request, nnid: str, served: int | None) -> Response:
        version = _version(nnid, served)
        run = runs.get_run(version, None)
        user = user_of(request)
        if request.FILES:
            sent = [file for field in request.FILES for file in request.FILES.getlist(field)]
            if len(sent) > 1:
                raise Invalid(
                    "one job scores one file", {"file": [f"{len(sent)} files were sent: POST each by itself"]}
                )
            upload = Upload(name=str(sent[0].name), file=sent[0])
            job = scoring_jobs.start_with_upload(version, run, upload, _options(request), user)
        else:
            body = shapes.ScoringBody.body(request)
            name, node = body.pop("file"), body.pop("node")
            job = scoring_jobs.start_with_file(version, run, name, node, body, user)
        return Response(shapes.ScoringJobRecord(job, context={"request": request}).data)

    @documented("batch_list", "List the scoring jobs", query=PageQuery, answer=shapes.ScoringJobRecord(many=True))
    def get(self, request: Request, nnid: str, served: int | None) -> Response:
        page = Page(scoring_jobs.list_scoring_jobs(_version(nnid, served)), PageQuery.query(request))
        return page.answer(shapes.ScoringJobRecord(page.items, many=True, context={"request": request}).data, request)


class ScoringJobView(APIView):
    """One scoring job."""

    @documented("batch_read", "State, progress and summary of a scoring job", answer=shapes.ScoringJobRecord)
    def get(self, request: Request, nnid: str, served: int | None, batch: int) -> Response:
        job = scoring_jobs.get_scoring_job(_version(nnid, served), batch)
        return Response(shapes.ScoringJobRecord(job, context={"request": request}).data)

    @documented(
        "batch_delete", "Cancel an open scoring job, or delete one that has ended", answer=shapes.ScoringJobEnded
    )
    def delete(self, request: Request, nnid: str, served: int | None, batch: int) -> Response:
        deleted = scoring_jobs.cancel_or_delete(scoring_jobs.get_scoring_job(_version(nnid, served), batch))
        state = "deleted" if deleted else "cancelled"
        return Response({"status": "200", "result": f"scoring job {batch} was {state}", "state": state})


class ScoredRowsView(Downloads, APIView):
    """The scores of a job: pages of JSON, or a file."""

    @documented(
        "batch_scores",
        "The scores of a file",
        query=shapes.ScoresOfJobQuery,
        answer={
            (200, "application/json"): shapes.ScoredPage,
            (200, "text/csv"): OpenApiTypes.STR,
            (200, "application/vnd.apache.parquet"): OpenApiTypes.BINARY,
        },
        errors=(404, 409),
    )
    def get(self, request: Request, nnid: str, served: int | None, batch: int) -> HttpResponseBase:
        query = shapes.ScoresOfJobQuery.query(request)
        job = scoring_jobs.get_scoring_job(_version(nnid, served), batch)
        by_score, download = query["sort"] == "score", query.get("download")
        with scoring_jobs.scored_rows(job, query.get("part")) as (scored, parquet):
            of_part = "" if scored.part is None else f"-{scored.part}"
            name = f"{nnid}-{job.version.number}-batch{batch}-scores{of_part}"
            if download == "parquet":
                return FileResponse(
                    parquet.open("rb"),
                    as_attachment=True,
                    filename=f"{name}.parquet",
                    content_type="application/vnd.apache.parquet",
                )
            if download == "csv":
                return StreamingHttpResponse(
                    scored.csv(by_score=by_score),
                    content_type="text/csv; charset=utf-8",
                    headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
                )
            return self._page(request, job, Page(range(len(scored)), query), scored, by_score=by_score)

    def _page(self, request: Request, job: ScoringJob, page: Page, scored: ScoredRows, *, by_score: bool) -> Response:
        first = page.items[0] if page.items else 0
        rows = scored.rows(first, first + len(page.items), by_score=by_score)
        body = {
            "run": str(job.run_id),
            "threshold_id": job.rule_id,
            "rule": job.rule.rule,
            "threshold": scored.threshold,
            **page.fields(),
        }
        if scored.part is not None:
            body["part"] = scored.part
        if scored.part in (None, "e"):  # of a node nobody learns what it was: feedback is on rows and on pairs
            rows = [{"row_id": name_of_row(job, row["row"]), **row} for row in rows]
        body["scores"] = rows
        return page.answer(body, request)
