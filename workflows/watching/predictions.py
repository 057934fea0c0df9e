"""Reading the log: rows as they were answered, with what is known of them since."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import QuerySet

from workflows.models import Feedback, LoggedRow, Run, Version

ORDERS = {"time": ("-created", "-id"), "score": ("-score", "-id")}
FILTERS = {
    "since": "created__gte",
    "until": "created__lt",
    "min_score": "score__gte",
    "max_score": "score__lte",
    "anomaly_flag": "anomaly",
}


def logged_rows(version: Version, run: Run | None, order: str, filters: Mapping[str, Any]) -> QuerySet[LoggedRow]:
    """Return the logged rows of a version, the newest or the most anomalous first.

    `filters` may have `source`, "predict" or "batch", and those of FILTERS; those that are None do not count.
    """
    chosen = {lookup: filters[name] for name, lookup in FILTERS.items() if filters.get(name) is not None}
    if run is not None:
        chosen["run"] = run
    if filters.get("source"):
        chosen["scoring_job__isnull"] = filters["source"] == "predict"
    rows = LoggedRow.objects.filter(version=version, **chosen).order_by(*ORDERS[order])
    return rows.select_related("scoring_job").defer("scoring_job__summary", "scoring_job__progress")


def feedback_on(version: Version, row_ids: Iterable[str]) -> dict[str, Feedback]:
    """Return what was said about some rows, a page of them, by row id."""
    said = Feedback.objects.filter(version=version, row_id__in=list(row_ids))
    return {word.row_id: word for word in said}
