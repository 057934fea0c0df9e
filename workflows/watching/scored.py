"""The log of a scoring job: its tally, and a sample of its rows."""

import json
from datetime import UTC
from pathlib import Path
from typing import Any

from django.utils import timezone

from algorithms.bulk.scored import SAMPLE, TALLY
from algorithms.drift.tally import Tally
from workflows.models import LoggedRow, ScoringJob
from workflows.watching.inserting import largest
from workflows.watching.masking import unmasked
from workflows.watching.tallies import keep_tally


def log_scoring_job(job: ScoringJob, artifact: Path) -> None:
    """Log a job that has just succeeded, from its artifact. Call it within the transaction that says so.

    An artifact without a tally, scored by a model of an earlier release, has its rows logged only.
    """
    now = timezone.now()
    if (artifact / TALLY).exists():
        keep_tally(job, now.astimezone(UTC).date(), Tally.from_json(json.loads((artifact / TALLY).read_text())))
    sample: list[dict[str, Any]] = json.loads((artifact / SAMPLE).read_text()) if (artifact / SAMPLE).exists() else []
    LoggedRow.objects.bulk_create(
        LoggedRow(
            version_id=job.version_id,
            run_id=job.run_id,
            rule_id=job.rule_id,
            scoring_job=job,
            row_id=name_of_row(job, row["row"]),
            created=now,
            score=row["score"],
            anomaly=row["anomaly"],
            values=unmasked(row["values"]),
            contributions=largest(unmasked(row["contributions"])),
        )
        for row in sample
    )


def name_of_row(job: ScoringJob, row: int) -> str:
    """Return how a row of a scoring job is called in the log and in feedback."""
    return f"{job.number}-{row}"
