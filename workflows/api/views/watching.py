"""Watching: the log of predictions, feedback, drift, contributions."""

from typing import Any

from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from workflows.access.principal import user_of
from workflows.api.pagination import Page, PageQuery
from workflows.api.schema import documented
from workflows.api.serializers import watching as shapes
from workflows.models import Run
from workflows.services import runs, versions
from workflows.watching import drift, feedback, predictions
from workflows.watching.figures import live_figures


class PredictionLogView(APIView):
    """Rows as they were answered."""

    @documented("prediction_log", "The rows that were answered", query=shapes.LogFilter, answer=shapes.LogPage)
    def get(self, request: Request, nnid: str, ver: int) -> Response:
        query = shapes.LogFilter.query(request)
        version = versions.get_version(nnid, ver)
        run = runs.get_run(version, query["run"]) if "run" in query else None
        page = Page(predictions.logged_rows(version, run, query["sort"], query), query)
        said = predictions.feedback_on(version, (row.row_id for row in page.items))
        rows = shapes.LogRecord(page.items, many=True, context={"feedback": said}).data
        return page.answer({**page.fields(), "rows": rows}, request)


class FeedbackView(APIView):
    """What rows turned out to be."""

    @documented(
        "feedback_give",
        "Say what rows turned out to be",
        body=shapes.FeedbackBody,
        answer=shapes.FeedbackKept,
        errors=(404, 422),
    )
    def post(self, request: Request, nnid: str, ver: int) -> Response:
        version = versions.get_version(nnid, ver)
        words = shapes.FeedbackBody.body(request)["feedback"]
        labels = {word["row_id"]: word["label"] for word in words}
        feedback.give_feedback(version, labels, user_of(request))
        return Response({"status": "200", "kept": len(labels)})

    @documented(
        "feedback_figures", "Live precision and recall, and the feedback", query=PageQuery, answer=shapes.FeedbackPage
    )
    def get(self, request: Request, nnid: str, ver: int) -> Response:
        version = versions.get_version(nnid, ver)
        page = Page(feedback.list_feedback(version), PageQuery.query(request))
        body = {
            "nn_id": nnid,
            "nn_wf_ver_id": ver,
            **live_figures(version),
            **page.fields(),
            "feedback": page.items,
            "links": {
                name: request.build_absolute_uri(reverse(name, args=[nnid, ver]))
                for name in ("prediction", "drift", "contribution")
            },
        }
        return page.answer(shapes.FeedbackPage(body).data, request)


class DriftView(APIView):
    """Whether the data have moved away from a model."""

    @documented(
        "drift", "Drift of inputs, scores and contributions", query=shapes.WindowsQuery, answer=shapes.DriftPage,
        errors=(404, 409),
    )  # fmt: skip
    def get(self, request: Request, nnid: str, ver: int) -> Response:
        query = shapes.WindowsQuery.query(request)
        run = runs.get_run(versions.get_version(nnid, ver), query.get("run"))
        told = drift.Drift(run)
        windows = drift.list_windows(run, query["by"], query.get("since"), query.get("until"))
        page = Page(range(len(windows))[::-1], query)
        reports = [told.report(windows, position) for position in page.items]
        body = {**_heading(run, query), **told.verdict(windows), **page.fields(), "windows": reports}
        return page.answer(shapes.DriftPage(body).data, request)


class ContributionView(APIView):
    """What the scores of a model are made of."""

    @documented(
        "contribution", "Mean contributions by column, and their trend", query=shapes.WindowsQuery,
        answer=shapes.ContributionPage, errors=(404, 409),
    )  # fmt: skip
    def get(self, request: Request, nnid: str, ver: int) -> Response:
        query = shapes.WindowsQuery.query(request)
        run = runs.get_run(versions.get_version(nnid, ver), query.get("run"))
        told = drift.Drift(run)
        windows = drift.list_windows(run, query["by"], query.get("since"), query.get("until"), fewest=1)
        page = Page(windows[::-1], query)
        trend = [told.contributions_in(window) for window in page.items]
        body = {**_heading(run, query), "training": told.contributions(), **page.fields(), "trend": trend}
        return page.answer(shapes.ContributionPage(body).data, request)


def _heading(run: Run, query: dict[str, Any]) -> dict[str, Any]:
    return {"run": run.id, "nn_batch_ver_id": run.number, "by": query["by"]}
