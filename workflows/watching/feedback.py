"""What scored rows turned out to be."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import numpy as np
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet

from algorithms.artifacts import MANIFEST
from algorithms.bulk.scored import ANOMALIES, SCORES, of_part
from workflows import files
from workflows.errors import Unprocessable
from workflows.models import Feedback, LoggedRow, RunState, ScoringJob, Version
from workflows.services.digests import require_intact
from workflows.services.locks import lock_version
from workflows.services.prediction import type_of
from workflows.watching.scored import name_of_row

NAMED = 10
"""Unknown rows that an error names."""
IDS_AT_ONCE = 500
"""SQLite takes 999 parameters."""
JOB_ROW = re.compile(r"([1-9][0-9]{0,8})-(0|[1-9][0-9]{0,11})", re.ASCII)
"""Job number and row."""

Item = TypeVar("Item")


@dataclass(frozen=True)
class Answered:
    """A row as it was answered."""

    run_id: UUID | None
    score: float
    anomaly: bool
    scored: datetime


def give_feedback(version: Version, labels: Mapping[str, bool], user: User | None) -> None:
    """Keep what rows turned out to be, by row id; true: an anomaly. It takes the place of what was said before.

    Raises:
        Unprocessable: a row is not known; then nothing is kept.
        NotFound: the version was deleted meanwhile.
        Damaged: the stored scores of a job are not those that were written.
    """
    answered = _answered(version, labels)
    unknown = [row_id for row_id in labels if row_id not in answered]
    if unknown:
        raise Unprocessable(*_unknown(version, unknown))
    with transaction.atomic():
        version = lock_version(version)
        Feedback.objects.bulk_create(
            (
                Feedback(
                    version=version,
                    run_id=answered[row_id].run_id,
                    row_id=row_id,
                    label=label,
                    score=answered[row_id].score,
                    anomaly=answered[row_id].anomaly,
                    scored=answered[row_id].scored,
                    user=user,
                    username=user.get_username() if user else "",
                )
                for row_id, label in labels.items()
            ),
            update_conflicts=True,
            unique_fields=["version", "row_id"],
            update_fields=["run", "label", "score", "anomaly", "scored", "user", "username", "updated"],
        )


def _unknown(version: Version, row_ids: Sequence[str]) -> tuple[str, dict[str, list[str]]]:
    named = ", ".join(row_ids[:NAMED]) + (f" and {len(row_ids) - NAMED:,} more" if len(row_ids) > NAMED else "")
    message = f"{version} answered no rows, or keeps none any more, of these ids: {named}; no feedback was kept"
    remedy = (
        "use row_id of a predict answer of this version, which is known a second later and for as long as the log keeps"
        " it (NNSERVICE_LOG_SAMPLE, NNSERVICE_KEEP_PREDICTION_DAYS), or JOB-ROW of a scoring job that succeeded"
    )
    return message, {"row_id": [remedy]}


def _answered(version: Version, row_ids: Iterable[str]) -> dict[str, Answered]:
    predicted: list[str] = []
    by_job: dict[int, list[int]] = defaultdict(list)
    for row_id in row_ids:
        match = JOB_ROW.fullmatch(row_id)
        if match:
            by_job[int(match[1])].append(int(match[2]))
        else:
            predicted.append(row_id)
    return _predicted(version, predicted) | _of_jobs(version, by_job)


def _predicted(version: Version, row_ids: Sequence[str]) -> dict[str, Answered]:
    known: dict[str, Answered] = {}
    for some in _batches(row_ids, IDS_AT_ONCE):
        rows = LoggedRow.objects.filter(version=version, scoring_job=None, row_id__in=some)
        for row in rows.order_by("created", "id").only("row_id", "run", "score", "anomaly", "created"):
            # Of several with one id the newest.
            known[row.row_id] = Answered(row.run_id, row.score, row.anomaly, row.created)
    return known


def _of_jobs(version: Version, rows_by_job: Mapping[int, Sequence[int]]) -> dict[str, Answered]:
    known: dict[str, Answered] = {}
    for numbers in _batches(list(rows_by_job), IDS_AT_ONCE):
        jobs = version.scoring_jobs.filter(number__in=numbers, state=RunState.SUCCEEDED).select_related("run")
        for job in jobs.defer("summary", "run__result"):
            known |= _of_job(job, rows_by_job[job.number])
    return known


def _of_job(job: ScoringJob, rows: Sequence[int]) -> dict[str, Answered]:
    """Return the answers to rows of a file; of a graph's, rows are those of its scores of pairs."""
    names = [of_part(name, "e" if type_of(job.run).detector == "graphbean" else None) for name in (SCORES, ANOMALIES)]
    moment = job.finished or job.created
    with files.local_copy(job.artifact_prefix, MANIFEST, *names) as artifact:
        for name in names:
            require_intact(artifact, name)
        scores, anomalies = (np.load(artifact / name, mmap_mode="r", allow_pickle=False) for name in names)
        return {
            name_of_row(job, row): Answered(job.run_id, float(scores[row]), bool(anomalies[row]), moment)
            for row in rows
            if row < len(scores)
        }


def _batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def list_feedback(version: Version) -> QuerySet[Feedback]:
    """Return what was said about the rows of a version, the latest first."""
    return version.feedback.select_related("run").defer("run__result", "run__snapshot").order_by("-updated", "-id")
