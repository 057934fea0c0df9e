"""How good the verdicts of a version were, in the light of what its rows turned out to be."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Count, Max, Min, Q, Sum

from workflows.models import Tally, Version

COUNTS = {
    "true_positives": Q(label=True, anomaly=True),
    "false_positives": Q(label=False, anomaly=True),
    "false_negatives": Q(label=True, anomaly=False),
    "true_negatives": Q(label=False, anomaly=False),
}
OUTCOMES = {
    "rows": Count("id"),
    **{name: Count("id", filter=condition) for name, condition in COUNTS.items()},
    "since": Min("scored"),
    "updated": Max("updated"),
}
SCORED = {"scored": Sum("rows"), "flagged": Sum("anomalies")}
NUMBER = "run__number"


def live_figures(version: Version) -> dict[str, Any]:
    """Return the figures of `all` rows with feedback, and of those of each run (`runs`, the newest first).

    `scored` and `flagged` count all rows that were answered, with feedback or without; precision and recall are of
    those with it, null where they have no meaning. Feedback on rows of runs that were deleted is under number null.
    """
    said, answered = version.feedback.order_by(), Tally.objects.filter(run__version=version).order_by()
    outcomes = {row[NUMBER]: row for row in said.values("run", NUMBER).annotate(**OUTCOMES)}
    totals = {row[NUMBER]: row for row in answered.values("run", NUMBER).annotate(**SCORED)}
    newest_first = sorted(outcomes.keys() | totals.keys(), key=lambda number: number or 0, reverse=True)
    runs = [
        {
            "run": (outcomes.get(number) or totals[number])["run"],
            "nn_batch_ver_id": number,
            **_figures(outcomes.get(number, {}), totals.get(number, {})),
        }
        for number in newest_first
    ]
    return {"all": _figures(said.aggregate(**OUTCOMES), answered.aggregate(**SCORED)), "runs": runs}


def _figures(outcome: Mapping[str, Any], totals: Mapping[str, Any]) -> dict[str, Any]:
    counts = {name: outcome.get(name) or 0 for name in COUNTS}
    found, flagged = counts["true_positives"], counts["true_positives"] + counts["false_positives"]
    there = found + counts["false_negatives"]
    return {
        "scored": totals.get("scored") or 0,
        "flagged": totals.get("flagged") or 0,
        "rows": outcome.get("rows") or 0,
        "anomalies": there,
        **counts,
        "precision": found / flagged if flagged else None,
        "recall": found / there if there else None,
        "since": outcome.get("since"),
        "updated": outcome.get("updated"),
    }
