"""Days of predictions and scoring jobs of the trained model, as the service would have them."""

import io
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from django.utils import timezone

from algorithms.bulk.score_file import score_file
from algorithms.events import EventStream
from algorithms.jobs import ScoreFileJob
from algorithms.tabular.table import Table
from tests.algorithms.contract import steel
from tests.workflows.conftest import place_of
from workflows.models import Rule, Run, RunState, ScoringJob
from workflows.services.prediction import scorers
from workflows.watching.entries import Entry
from workflows.watching.scored import log_scoring_job
from workflows.watching.writing import write


def usual(rows: int, seed: int) -> Table:
    """Return rows of the kind that was trained on."""
    return steel(rows, seed)


def heavier(rows: int, seed: int) -> Table:
    """Return rows in which everything weighs a third more."""
    table = steel(rows, seed)
    return Table({**table.columns, "weight": table.columns["weight"] * 1.33}, rows)


def as_rows(table: Table) -> list[dict[str, Any]]:
    names, columns = list(table.columns), [column.tolist() for column in table.columns.values()]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def entry(run: Run, table: Table, moment: datetime) -> Entry:
    """Return what the log is given after a predict request."""
    rows = as_rows(table)
    scorer: Any = scorers.get(run)
    answers = scorer.score_rows(rows)
    for number, answer in enumerate(answers):
        answer["row_id"] = f"{moment:%d}-of-{moment:%B}-{number}"
    return Entry(run.version_id, run.pk, None, rows, answers, moment)


def predicted(run: Run, table: Table, day: int) -> None:
    """Have rows predicted on a day of November."""
    write([entry(run, table, datetime(2026, 11, day, 8, tzinfo=UTC))])


def scored(run: Run, table: Table, folder: Path, *, sample_rows: int = 20) -> ScoringJob:
    """Have a file of rows scored by a job that succeeds."""
    folder.mkdir()
    pq.write_table(pa.table(dict(table.columns)), folder / "rows.parquet")
    rule, _ = Rule.objects.get_or_create(run=run, rule={"rule": "fixed", "threshold": 1.0}, value={"value": 1.0})
    number = run.version.scoring_jobs.count() + 1
    job = ScoringJob.objects.create(
        version=run.version,
        run=run,
        number=number,
        rule=rule,
        source={"name": "rows.parquet"},
        state=RunState.SUCCEEDED,
        attempts=1,
        finished=timezone.now(),
    )
    task = ScoreFileJob(
        artifact=place_of(run.artifact_prefix),
        workflow_type="autoencoder_csv",
        source=folder / "rows.parquet",
        format="parquet",
        verdict={"rule": rule.rule, "value": rule.value["value"]},
        sample_rows=sample_rows,
    )
    score_file(task, folder, EventStream(io.StringIO(), 0.0))
    log_scoring_job(job, folder / "artifact")
    shutil.copytree(folder / "artifact", place_of(job.artifact_prefix))
    return job
