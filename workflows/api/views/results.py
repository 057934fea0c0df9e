"""Results and predictions."""

from collections.abc import Iterable

from django.http import FileResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import PolymorphicProxySerializer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from workflows.api.pagination import Page
from workflows.api.representation import Downloads
from workflows.api.schema import documented
from workflows.api.serializers import runs as shapes
from workflows.models import Run
from workflows.operations.metrics import rows_predicted
from workflows.services import prediction, results, rules, runs, versions
from workflows.services.serving import get_serving_run
from workflows.watching.log import log_prediction


class ResultView(APIView):
    """The result of the serving run, or of the one named."""

    @documented(
        "result_read",
        "Metrics, threshold and the most anomalous rows",
        query=shapes.RunQuery,
        answer=PolymorphicProxySerializer(
            component_name="AnyResult",
            serializers=[shapes.Result, shapes.GraphResult],
            resource_type_field_name=None,
        ),
        errors=(404, 409),
    )
    def get(self, request: Request, nnid: str, ver: int) -> Response:
        run = runs.get_run(versions.get_version(nnid, ver), shapes.RunQuery.query(request).get("run"))
        result, rule = results.read_result(run), rules.current_rule(run)
        parts = result["columns"] if result["detector"] == "graphbean" else ()
        return Response(
            {
                "nn_id": nnid,
                "nn_wf_ver_id": ver,
                "nn_batch_ver_id": run.number,
                "id": str(run.id),
                "condition": run.condition,
                **result,
                "threshold_id": rule.pk,
                "rule": rule.rule,
                "value": rule.value,
                "links": _links(request, nnid, ver, run, parts),
            }
        )


def _links(request: Request, nnid: str, ver: int, run: Run, parts: Iterable[str]) -> dict[str, str]:
    scores = request.build_absolute_uri(reverse("scores", args=[nnid, ver])) + f"?run={run.number}"
    links = {"log": request.build_absolute_uri(reverse("log", args=[run.id, 100]))}
    for suffix, part in (("", ""), *((f"_{part}", f"&part={part}") for part in parts)):
        links |= {f"scores{suffix}": scores + part}
        links |= {f"{file}{suffix}": f"{scores}{part}&download={file}" for file in ("csv", "parquet")}
    return links


class ScoresView(Downloads, APIView):
    """The scores of all rows, or of the nodes or edges of a graph: pages of JSON, or a file."""

    @documented(
        "result_scores",
        "Scores of all rows",
        query=shapes.ScoresQuery,
        answer={
            (200, "application/json"): shapes.ScoresPage,
            (200, "text/csv"): OpenApiTypes.STR,
            (200, "application/vnd.apache.parquet"): OpenApiTypes.BINARY,
        },
        errors=(404, 409),
    )
    def get(self, request: Request, nnid: str, ver: int) -> HttpResponseBase:
        query = shapes.ScoresQuery.query(request)
        run = runs.get_run(versions.get_version(nnid, ver), query.get("run"))
        download, by_score = query.get("download"), query["sort"] == "score"
        as_parquet = download == "parquet"
        results.require_succeeded(run)
        rule = rules.current_rule(run)
        with results.score_table(run, rule, query["node"], query.get("part"), as_parquet=as_parquet) as table:
            name = f"{nnid}-{ver}-run{run.number}-{table.name.replace('.', '-')}-scores"
            if as_parquet:
                return FileResponse(
                    table.parquet.open("rb"),
                    as_attachment=True,
                    filename=f"{name}.parquet",
                    content_type="application/vnd.apache.parquet",
                )
            if download == "csv":
                return StreamingHttpResponse(
                    table.csv(by_score=by_score),
                    content_type="text/csv; charset=utf-8",
                    headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
                )
            page = Page(range(len(table)), query)
            first = page.items[0] if page.items else 0
            body = {
                "run": str(run.id),
                "threshold_id": rule.pk,
                "rule": rule.rule,
                "threshold": table.threshold,
                **page.fields(),
                "scores": table.rows(first, first + len(page.items), by_score=by_score),
            }
            return page.answer(body, request)


class PredictView(APIView):
    """Verdicts on new rows from the serving run of a version, or of the active one, by the rule in force."""

    @documented("predict", "Score new rows", body=shapes.PredictBody, answer=shapes.Prediction, errors=(404, 409))
    def post(self, request: Request, kind: str, nnid: str, served: int | None) -> Response:
        run = get_serving_run(nnid, served)
        body = shapes.PredictBody.body(request)
        answer = prediction.predict(
            run,
            kind,
            body["input_data"],
            body.get("type"),
            row_ids=body.get("row_ids"),
            explain=body.get("explain", False),
        )
        rows_predicted.labels(kind).inc(len(answer["rows"]))
        log_prediction(
            run.version_id, run.pk, answer["threshold_id"], body["input_data"], answer["rows"], timezone.now()
        )
        return Response(answer)
