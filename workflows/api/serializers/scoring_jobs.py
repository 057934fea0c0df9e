"""Scoring jobs, as the API shows them."""

from typing import Any

from django.urls import reverse
from rest_framework import serializers

from algorithms.encodings import codec_of
from workflows.api.pagination import PageQuery
from workflows.api.serializers.base import StrictSerializer
from workflows.api.serializers.runs import Progress
from workflows.models import ScoringJob


class ScoringOptions(StrictSerializer):
    """Fields of a form beside its file."""

    keep = serializers.ListField(
        child=serializers.CharField(max_length=500),
        required=False,
        help_text="columns of the file that stand beside the scores",
    )
    context = serializers.ChoiceField(  # type: ignore[assignment]  # the name of the API, shadows what is not used
        choices=["none", "training"],
        required=False,
        help_text="of a graph: training leaves those nodes that it had the neighbours they had then; default none",
    )
    encoding = serializers.CharField(required=False, max_length=40, help_text="of a CSV file; found by default")
    delimiter = serializers.ChoiceField(choices=[",", ";", "\t", "|"], required=False, help_text="found by default")

    def validate_encoding(self, value: str) -> str:
        try:
            codec_of(value)
        except ValueError as error:
            raise serializers.ValidationError(str(error)) from None
        return value


class ScoringBody(ScoringOptions):
    """Names a file that was uploaded to a node."""

    file = serializers.CharField(max_length=255, help_text="the name of an uploaded file")
    node = serializers.ChoiceField(choices=["datasrc", "evaldata"], default="datasrc")


class ScoresOfJobQuery(PageQuery):
    """Query parameters of a job's scores."""

    sort = serializers.ChoiceField(choices=["score", "row"], default="score")
    download = serializers.ChoiceField(choices=["csv", "parquet"], required=False)
    part = serializers.ChoiceField(
        choices=["u", "v", "e"], required=False, help_text="of a graph; default e, the pairs"
    )


class ScoringJobRecord(serializers.ModelSerializer[ScoringJob]):
    """A scoring job; `summary` is null until it has succeeded."""

    status = serializers.SerializerMethodField()
    nn_id = serializers.CharField(source="version.network.name")
    nn_wf_ver_id = serializers.IntegerField(source="version.number")
    nn_batch_ver_id = serializers.IntegerField(source="run.number", help_text="the run whose model scores")
    batch = serializers.IntegerField(source="number", help_text="number of the job; its rows are called {batch}-{row}")
    threshold_id = serializers.IntegerField(source="rule_id")
    rule = serializers.DictField(source="rule.rule")
    source = serializers.DictField(  # type: ignore[assignment]  # the name of the API, shadows what is not used
        help_text="kind (upload or file), name, format, size"
    )
    options = serializers.DictField()
    progress = Progress()
    summary = serializers.DictField(
        allow_null=True,
        help_text="rows, anomalies, threshold (null: nothing flagged), unseen, missing and changed values by column,"
        " contributions, score, top, notices; of a graph the first of these, and columns, within parts: u, v, e",
    )
    links = serializers.SerializerMethodField()

    class Meta:
        model = ScoringJob
        fields = [
            "status", "id", "nn_id", "nn_wf_ver_id", "nn_batch_ver_id", "batch", "state", "condition", "threshold_id",
            "rule", "source", "options", "progress", "summary", "error", "created", "started", "finished", "links",
        ]  # fmt: skip

    def get_status(self, job: ScoringJob) -> str:
        return "200"

    def get_links(self, job: ScoringJob) -> dict[str, str]:
        request = self.context["request"]
        place = [job.version.network.name, job.version.number, job.number]
        scores = request.build_absolute_uri(reverse("scoring_job_scores", args=place))
        return {
            "self": request.build_absolute_uri(reverse("scoring_job", args=place)),
            "log": request.build_absolute_uri(reverse("log", args=[job.id, 100])),
            "scores": scores,
            "csv": f"{scores}?download=csv",
            "parquet": f"{scores}?download=parquet",
        }


class ScoringJobEnded(serializers.Serializer[Any]):
    """Answer of DELETE."""

    status = serializers.CharField()
    result = serializers.CharField()
    state = serializers.CharField(help_text="cancelled, or deleted")


class Driver(serializers.Serializer[Any]):
    """A column that drives a score."""

    column = serializers.CharField()
    share = serializers.FloatField(help_text="of the score")


class ScoredRow(serializers.Serializer[Any]):
    """A row of the file."""

    row_id = serializers.CharField(required=False, help_text="what feedback names it by; not of a graph's nodes")
    row = serializers.IntegerField(help_text="counted from 0; of a graph, among those of its part")
    kept = serializers.DictField(child=serializers.CharField(), required=False, help_text="of rows: their columns")
    u = serializers.CharField(required=False, help_text="of a graph's pairs and nodes")
    v = serializers.CharField(required=False, help_text="of a graph's pairs and nodes")
    rows = serializers.IntegerField(required=False, help_text="of a graph: interactions of the file behind it")
    score = serializers.FloatField()
    percentile = serializers.FloatField(allow_null=True, help_text="share of held-out rows that score no higher, in %")
    anomaly = serializers.BooleanField()
    drivers = Driver(many=True)


class ScoredPage(serializers.Serializer[Any]):
    """A page of a job's scores."""

    part = serializers.CharField(required=False, help_text="of a graph")
    run = serializers.UUIDField()
    threshold_id = serializers.IntegerField()
    rule = serializers.DictField()
    threshold = serializers.FloatField(allow_null=True)
    count = serializers.IntegerField()
    page = serializers.IntegerField()
    pages = serializers.IntegerField()
    scores = ScoredRow(many=True)
