"""Runs under the old API's names."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request

from workflows.api.pagination import PageQuery
from workflows.api.serializers.base import FlagField, StrictSerializer
from workflows.models import Run


class RunStarted(serializers.ModelSerializer[Run]):
    """Answer of POST train."""

    status = serializers.SerializerMethodField()
    nn_batch_ver_id = serializers.IntegerField(source="number")

    class Meta:
        model = Run
        fields = ["status", "id", "nn_batch_ver_id", "state", "condition"]

    def get_status(self, run: Run) -> str:
        return "200"


class Progress(serializers.Serializer[Any]):
    """How far a run is; values that are not known yet are null."""

    percent = serializers.FloatField()
    stage = serializers.CharField(allow_null=True)
    epoch = serializers.IntegerField(allow_null=True)
    epochs = serializers.IntegerField(allow_null=True)
    loss = serializers.FloatField(allow_null=True)
    rows_per_second = serializers.FloatField(allow_null=True)
    seconds_left = serializers.FloatField(allow_null=True)
    resumed_from_epoch = serializers.IntegerField(allow_null=True, help_text="an earlier attempt came so far")

    def to_representation(self, instance: dict[str, Any]) -> dict[str, Any]:
        known: dict[str, Any] = {str(name): instance.get(str(name)) for name in self.fields}
        return known | {"percent": instance.get("percent", 0.0)}


class RunRecord(serializers.ModelSerializer[Run]):
    """State of a run."""

    nn_batch_ver_id = serializers.IntegerField(source="number")
    progress = Progress()

    class Meta:
        model = Run
        fields = ["id", "nn_batch_ver_id", "state", "condition", "progress", "error", "created", "started", "finished"]


class RunSummary(serializers.ModelSerializer[Run]):
    """A run in the list of a version's runs (the old API's batches)."""

    nn_id = serializers.CharField(source="version.network.name")
    nn_wf_ver_id = serializers.IntegerField(source="version.number")
    nn_batch_ver_id = serializers.IntegerField(source="number")
    active_flag = serializers.SerializerMethodField(help_text="Y: pinned, or the newest that succeeded: it serves")
    pinned = serializers.SerializerMethodField()
    metrics = serializers.DictField(allow_null=True)
    threshold = serializers.DictField(allow_null=True)

    class Meta:
        model = Run
        fields = [
            "nn_id", "nn_wf_ver_id", "nn_batch_ver_id", "id", "state", "condition", "active_flag", "pinned", "metrics",
            "threshold", "error", "created", "started", "finished",
        ]  # fmt: skip

    def get_active_flag(self, run: Run) -> str:
        return "Y" if run.number == self.context["serving_number"] else "N"

    def get_pinned(self, run: Run) -> bool:
        return run.id == run.version.pinned_run_id


class RunHistory(RunSummary):
    """A run with all that made it."""

    parameters = serializers.DictField(source="snapshot.parameters")
    data = serializers.DictField(  # type: ignore[assignment]  # the API's name
        source="snapshot.data", help_text="files by node: name, rows, sha256"
    )
    seed = serializers.IntegerField(source="snapshot.seed", allow_null=True)
    type = serializers.CharField(source="snapshot.workflow_type")

    class Meta:
        model = Run
        fields = [
            *RunSummary.Meta.fields,
            "type",
            "parameters",
            "data",
            "seed",
            "libraries",
            "attempts",
            "failures",
            "worker",
        ]


class RunPin(StrictSerializer):
    """The run to pin (Y) or to release (N)."""

    nn_batch_ver_id = serializers.IntegerField(source="number", min_value=1, max_value=999_999_999)
    active_flag = FlagField(source="pinned", default=True)


class RunNumber(StrictSerializer):
    """The run that a DELETE speaks of."""

    nn_batch_ver_id = serializers.IntegerField(source="number", min_value=1, max_value=999_999_999)


class TrainBody(StrictSerializer):
    """POST train takes no fields."""


class TrainChange(StrictSerializer):
    """The only change of a run that a client can ask for."""

    state = serializers.ChoiceField(["stop"])


class RunQuery(StrictSerializer):
    """Which run of the version is meant."""

    run = serializers.CharField(max_length=40, required=False, help_text="number or id; default: the serving run")


class LogQuery(StrictSerializer):
    """How the log is answered."""

    download = serializers.ChoiceField(["text"], required=False, help_text="a text file instead of JSON")


class ScoresQuery(PageQuery, RunQuery):
    """Which scores, in which order, as what."""

    node = serializers.ChoiceField(
        ["datasrc", "evaldata", "planted"],
        default="datasrc",
        help_text="data that were scored; planted: graphbean's copy with planted anomalies",
    )
    part = serializers.ChoiceField(
        ["u", "v", "e"], required=False, help_text="graphbean only: the nodes u or v, or the edges (default)"
    )
    sort = serializers.ChoiceField(["score", "row"], default="score", help_text="score: the most anomalous first")
    download = serializers.ChoiceField(["csv", "parquet"], required=False, help_text="a file with all rows")


class ResultBase(serializers.Serializer[Any]):
    """What the results of all detectors share."""

    nn_id = serializers.CharField()
    nn_wf_ver_id = serializers.IntegerField()
    nn_batch_ver_id = serializers.IntegerField()
    id = serializers.UUIDField()
    condition = serializers.CharField()
    detector = serializers.CharField()
    metrics = serializers.DictField()
    threshold = serializers.DictField(help_text="of the training, which metrics and top_anomalies are by")
    threshold_id = serializers.IntegerField(help_text="the rule in force now, which other answers are by")
    rule = serializers.DictField(help_text="the rule in force now: its name, and the number that belongs to it")
    value = serializers.DictField(
        child=serializers.FloatField(),
        allow_null=True,
        help_text="its thresholds: {value} of rows, {u, v, e} of a graph; null where each batch has its own",
    )
    loss_history = serializers.ListField(child=serializers.DictField())
    examples = serializers.ListField(child=serializers.DictField())
    notices = serializers.ListField(child=serializers.CharField())
    rows = serializers.DictField()
    settings = serializers.DictField()
    timings = serializers.DictField()
    seed = serializers.IntegerField()
    links = serializers.DictField(child=serializers.CharField())


class Result(ResultBase):
    """Result of a run that scored rows."""

    columns = serializers.ListField(child=serializers.CharField())
    features = serializers.IntegerField(help_text="width of the network: numbers, and a slot for each kept category")
    best_epoch = serializers.IntegerField(help_text="whose weights are kept")
    rows_per_second = serializers.FloatField(help_text="trained, in the median epoch after the first")
    rows_waited_in = serializers.ChoiceField(["memory", "files"], help_text="files: too many rows for memory")
    top_anomalies = serializers.ListField(child=serializers.DictField())


class GraphResult(ResultBase):
    """Result of a run of graphbean: what is listed is listed for u, v and e (edges)."""

    columns = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()), help_text="what a score is made of, by part"
    )
    attributes = serializers.DictField(
        child=serializers.ListField(child=serializers.CharField()), help_text="what was counted and summed, by part"
    )
    graph = serializers.DictField(help_text="by data node: numbers of u, v and edges, of rows, and of rows left out")
    top_anomalies = serializers.DictField(child=serializers.ListField(child=serializers.DictField()))


class ScoreRow(serializers.Serializer[Any]):
    """Score of one row, or of one node or edge of a graph; the contributions sum to the score."""

    row = serializers.IntegerField(required=False, help_text="position in the uploaded data, from 0; not of a graph")
    u = serializers.CharField(required=False, help_text="graphbean: id of the u, of an edge or alone")
    v = serializers.CharField(required=False, help_text="graphbean: id of the v, of an edge or alone")
    rows = serializers.IntegerField(required=False, help_text="graphbean: rows of the uploaded data behind it")
    score = serializers.FloatField()
    anomaly = serializers.BooleanField()
    label = serializers.IntegerField(  # type: ignore[assignment]  # the API's name
        required=False, help_text="1: anomaly; only with a label column"
    )
    contributions = serializers.DictField(child=serializers.FloatField())


class ScoresPage(serializers.Serializer[Any]):
    """One page of scores."""

    run = serializers.UUIDField()
    threshold_id = serializers.IntegerField(help_text="the rule in force, see service/monitering/type/rule")
    rule = serializers.DictField()
    threshold = serializers.FloatField(
        allow_null=True, help_text="anomalies score higher; of top_k and fdr, that of all rows as one batch; null: none"
    )
    count = serializers.IntegerField()
    page = serializers.IntegerField()
    pages = serializers.IntegerField()
    scores = ScoreRow(many=True)


class LogLines(serializers.Serializer[Any]):
    """The end of a run's log."""

    id = serializers.UUIDField()
    state = serializers.CharField()
    lines = serializers.ListField(child=serializers.CharField())


class PredictBody(StrictSerializer):
    """Rows to score, encode or reconstruct."""

    input_data = serializers.JSONField(help_text="one row as an object, or a list of them")
    row_ids = serializers.ListField(
        child=serializers.CharField(max_length=64),
        required=False,
        help_text="an id for each row, which feedback names it by; drawn if left out",
    )
    explain = serializers.BooleanField(default=False, help_text="say why each row scores as it does")
    type = serializers.ChoiceField(
        ["encoder", "decoder"], required=False, help_text="autoencoder only: the code, or the reconstruction (default)"
    )

    @classmethod
    def body(cls, request: Request, **options: Any) -> dict[str, Any]:
        """As of any serializer; a body of nothing but rows, as most are, is valid as it is."""
        given = request.data
        if isinstance(given, dict) and given.keys() == {"input_data"} and isinstance(given["input_data"], dict | list):
            return {"input_data": given["input_data"], "explain": False}
        return super().body(request, **options)


EXPLANATION = serializers.ListField(
    child=serializers.DictField(), required=False, help_text="with `explain`: the columns, those first that count most"
)


class PredictedRow(serializers.Serializer[Any]):
    """Verdict on one row, or its code, or its reconstruction."""

    row_id = serializers.CharField(required=False, help_text="as given in row_ids, else drawn; not of code")
    u = serializers.CharField(
        required=False, allow_null=True, help_text="graphbean: its ids; the verdict is its pair's"
    )
    v = serializers.CharField(required=False, allow_null=True)
    score = serializers.FloatField(required=False, allow_null=True)
    anomaly = serializers.BooleanField(required=False, allow_null=True)
    p_value = serializers.FloatField(required=False, help_text="of rule fdr: share of held-out rows that score so high")
    contributions = serializers.DictField(child=serializers.FloatField(), required=False)
    notices = serializers.ListField(child=serializers.CharField(), required=False)
    explanation = EXPLANATION
    code = serializers.ListField(child=serializers.FloatField(), required=False)
    reconstruction = serializers.DictField(required=False)


class PredictedNode(serializers.Serializer[Any]):
    """Verdict on one node of the graph that the rows sent make."""

    id = serializers.CharField()
    score = serializers.FloatField()
    anomaly = serializers.BooleanField()
    p_value = serializers.FloatField(required=False)
    contributions = serializers.DictField(child=serializers.FloatField())
    explanation = EXPLANATION
    neighbours = serializers.ListField(
        child=serializers.DictField(), required=False, help_text="with `explain`: those whose pairs score highest"
    )


class Prediction(serializers.Serializer[Any]):
    """Answers in the order of the rows sent; those of graphbean also for each u and v."""

    run = serializers.UUIDField()
    threshold_id = serializers.IntegerField(help_text="the rule in force, see service/monitering/type/rule")
    rule = serializers.DictField(help_text="its name, `rule`, and the number that belongs to it")
    threshold = serializers.FloatField(
        allow_null=True,
        help_text="anomalies score higher; of top_k and fdr, that of these rows; null: none; graphbean: of edges",
    )
    thresholds = serializers.DictField(
        child=serializers.FloatField(allow_null=True), required=False, help_text="by u, v and e"
    )
    rows = PredictedRow(many=True)
    u = PredictedNode(many=True, required=False)
    v = PredictedNode(many=True, required=False)
