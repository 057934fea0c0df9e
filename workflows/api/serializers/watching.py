"""What is known of a model that serves: its log, feedback on it, drift."""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_date
from rest_framework import serializers

from workflows.api.pagination import PageQuery
from workflows.api.serializers.base import FlagField, StrictSerializer
from workflows.api.serializers.runs import RunQuery
from workflows.models import Feedback, LoggedRow
from workflows.watching.inserting import largest

MOST_WORDS = 10_000
"""Rows of one feedback request."""


class MomentField(serializers.DateTimeField):
    """A moment in ISO 8601, UTC unless it says otherwise; of a day alone its begin, or with `ends` its end."""

    def __init__(self, *, ends: bool = False, **options: Any) -> None:
        super().__init__(required=False, **options)
        self._days = 1 if ends else 0

    def to_internal_value(self, value: Any) -> datetime:
        try:
            day = parse_date(value) if isinstance(value, str) else None
        except ValueError:  # 2026-02-30
            day = None
        if day is None:
            return super().to_internal_value(value)
        return timezone.make_aware(datetime.combine(day, time.min)) + timedelta(days=self._days)


class LogFilter(PageQuery, RunQuery):
    """Which rows of the log, in which order."""

    run = serializers.CharField(max_length=40, required=False, help_text="number or id; default: every run")
    since = MomentField(help_text="answered then or later: 2026-11-24, or 2026-11-24T08:00:00Z")
    until = MomentField(ends=True, help_text="answered before; a day alone is included")
    min_score = serializers.FloatField(required=False)
    max_score = serializers.FloatField(required=False)
    anomaly_flag = FlagField(required=False)
    source = serializers.ChoiceField(  # type: ignore[assignment]  # the API's name
        ["predict", "batch"], required=False, help_text="batch: scoring jobs"
    )
    sort = serializers.ChoiceField(["time", "score"], default="time", help_text="the newest, or most anomalous, first")


class Word(serializers.ModelSerializer[Feedback]):
    """What was said about a row, by whom and when."""

    label = serializers.IntegerField(help_text="1: an anomaly")  # type: ignore[assignment]  # the API's name
    user = serializers.CharField(source="username", help_text="empty in open mode")
    time = serializers.DateTimeField(source="updated")

    class Meta:
        model = Feedback
        fields = ["label", "user", "time"]


class LogRecord(serializers.ModelSerializer[LoggedRow]):
    """A row as it was answered, without what is masked."""

    time = serializers.DateTimeField(source="created")
    run = serializers.UUIDField(source="run_id", allow_null=True, help_text="null: the run was deleted since")
    source = serializers.SerializerMethodField(help_text="predict or batch")  # type: ignore[assignment]  # the API's name
    job = serializers.IntegerField(source="scoring_job.number", default=None, allow_null=True)
    threshold_id = serializers.IntegerField(source="rule_id", allow_null=True)
    values = serializers.DictField()
    contributions = serializers.SerializerMethodField(help_text="the largest three, the largest first")
    feedback = serializers.SerializerMethodField()

    class Meta:
        model = LoggedRow
        fields = [
            "row_id", "time", "run", "source", "job", "threshold_id", "score", "anomaly", "values", "contributions",
            "feedback",
        ]  # fmt: skip

    def get_source(self, row: LoggedRow) -> str:
        return "predict" if row.scoring_job_id is None else "batch"

    def get_contributions(self, row: LoggedRow) -> dict[str, float]:
        return largest(row.contributions)  # PostgreSQL does not keep their order

    def get_feedback(self, row: LoggedRow) -> dict[str, Any] | None:
        word = self.context["feedback"].get(row.row_id)
        return None if word is None else dict(Word(word).data)


class LogPage(serializers.Serializer[Any]):
    """One page of the log."""

    count = serializers.IntegerField()
    page = serializers.IntegerField()
    pages = serializers.IntegerField()
    rows = LogRecord(many=True)


class LabelField(serializers.BooleanField):
    """0, 1, false or true, and nothing that only looks like it."""

    def to_internal_value(self, data: Any) -> bool:
        if isinstance(data, bool | int) and data in (0, 1):
            return bool(data)
        raise serializers.ValidationError("must be 1 (an anomaly) or 0")


class FeedbackWord(StrictSerializer):
    """What one row turned out to be."""

    row_id = serializers.CharField(max_length=64, trim_whitespace=False)
    label = LabelField(help_text="1: an anomaly")  # type: ignore[assignment]  # the API's name


class FeedbackBody(StrictSerializer):
    """What rows turned out to be: `feedback` is a list; one row may stand alone, `{"row_id", "label"}`."""

    feedback = serializers.ListField(child=FeedbackWord(), allow_empty=False, max_length=MOST_WORDS)

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            given = data if "feedback" in data else {"feedback": data}
            alone = isinstance(given["feedback"], Mapping)
            data = {**given, "feedback": [given["feedback"]]} if alone else given
        return super().to_internal_value(data)


class FeedbackRecord(Word):
    """Feedback beside what was answered."""

    run = serializers.UUIDField(source="run_id", allow_null=True)
    answered = serializers.DateTimeField(source="scored")

    class Meta(Word.Meta):
        fields = ["row_id", *Word.Meta.fields, "run", "score", "anomaly", "answered"]


class Figures(serializers.Serializer[Any]):
    """How good the verdicts were."""

    scored = serializers.IntegerField(help_text="rows that were answered, with feedback or without")
    flagged = serializers.IntegerField(help_text="of them, as anomalies")
    rows = serializers.IntegerField(help_text="with feedback; what follows is of these")
    anomalies = serializers.IntegerField()
    true_positives = serializers.IntegerField()
    false_positives = serializers.IntegerField()
    false_negatives = serializers.IntegerField()
    true_negatives = serializers.IntegerField()
    precision = serializers.FloatField(allow_null=True, help_text="null: none of them was flagged")
    recall = serializers.FloatField(
        allow_null=True, help_text="null: none of them is an anomaly. If only flagged rows are looked at it is always 1"
    )
    since = serializers.DateTimeField(allow_null=True, help_text="when the first of them was answered")
    updated = serializers.DateTimeField(allow_null=True, help_text="when the last feedback came")


class RunFigures(Figures):
    """Those of one run."""

    run = serializers.UUIDField(allow_null=True, help_text="null: of runs that were deleted")
    nn_batch_ver_id = serializers.IntegerField(allow_null=True)


class FeedbackPage(serializers.Serializer[Any]):
    """Live figures of a version, and one page of the feedback, the latest first."""

    nn_id = serializers.CharField()
    nn_wf_ver_id = serializers.IntegerField()
    all = Figures()
    runs = RunFigures(many=True)
    count = serializers.IntegerField()
    page = serializers.IntegerField()
    pages = serializers.IntegerField()
    feedback = FeedbackRecord(many=True)
    links = serializers.DictField(child=serializers.CharField())


class FeedbackKept(serializers.Serializer[Any]):
    """How much was taken."""

    status = serializers.CharField()
    kept = serializers.IntegerField(help_text="rows; of several words on one row the last counts")


class WindowsQuery(PageQuery, RunQuery):
    """Which windows."""

    by = serializers.ChoiceField(["day", "batch"], default="day", help_text="batch: scoring jobs")
    since = serializers.DateField(required=False, help_text="first day: 2026-11-24")
    until = serializers.DateField(required=False, help_text="last day")


class WindowBase(serializers.Serializer[Any]):
    """Some days, or scoring jobs."""

    first_day = serializers.DateField()
    last_day = serializers.DateField()
    jobs = serializers.ListField(child=serializers.IntegerField(), help_text="scoring jobs in it")
    rows = serializers.IntegerField(help_text="graphbean: pairs")


class DriftWindow(WindowBase):
    """One window against the training data and, under `previous`, against the window before."""

    verdict = serializers.ChoiceField(["stable", "watch", "retrain", "too few rows"])
    reason = serializers.CharField()
    moved = serializers.ListField(child=serializers.CharField(), help_text="columns, the most moved first")
    anomalies = serializers.DictField(help_text="rows and their share")
    columns = serializers.ListField(
        child=serializers.DictField(),
        help_text="psi, js (Jensen-Shannon, base 2), rates of missing and unseen values; the most moved first",
    )
    scores = serializers.DictField()
    contributions = serializers.ListField(child=serializers.DictField())


class DriftPage(serializers.Serializer[Any]):
    """Whether the data have moved: the verdict of the newest window with enough rows, and windows, the newest first."""

    run = serializers.UUIDField()
    nn_batch_ver_id = serializers.IntegerField()
    by = serializers.ChoiceField(["day", "batch"])
    verdict = serializers.ChoiceField(["stable", "watch", "retrain", "too few rows"])
    reason = serializers.CharField()
    moved = serializers.ListField(child=serializers.CharField())
    count = serializers.IntegerField()
    page = serializers.IntegerField()
    pages = serializers.IntegerField()
    windows = DriftWindow(many=True)


class ContributionWindow(WindowBase):
    """Mean contributions of one day, or scoring job."""

    contributions = serializers.DictField(child=serializers.FloatField())


class ContributionPage(serializers.Serializer[Any]):
    """What scores are made of: mean contributions by column, over the training data and since."""

    run = serializers.UUIDField()
    nn_batch_ver_id = serializers.IntegerField()
    by = serializers.ChoiceField(["day", "batch"])
    training = serializers.DictField(child=serializers.FloatField(), help_text="the largest first")
    count = serializers.IntegerField()
    page = serializers.IntegerField()
    pages = serializers.IntegerField()
    trend = ContributionWindow(many=True)
