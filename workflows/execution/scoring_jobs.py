"""One scoring job, from the claim to the result: the worker supervises, a child process scores the file."""

import json
import uuid
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction

from algorithms.artifacts import MANIFEST, REFERENCE_FILES, SERVING_FILES, verify_artifact
from algorithms.bulk.scored import SAMPLE, SUMMARY, TALLY
from algorithms.errors import ArtifactError
from algorithms.jobs import ARTIFACT_FOLDER, ScoreFileJob
from workflows import files
from workflows.execution import transitions
from workflows.execution.attempts import Fields, execute, supervise
from workflows.execution.child import Child
from workflows.execution.handing_back import UnderWay
from workflows.execution.memory import MemoryLimit
from workflows.execution.transfers import RunLog, patiently
from workflows.execution.watch import Ended, Watch
from workflows.models import DataFile, RunState, ScoringJob
from workflows.models.node import TABLE
from workflows.models.serving import SOURCE_FILE
from workflows.operations.totals import add_to_totals
from workflows.services.training_files import training_files
from workflows.watching.scored import log_scoring_job

CALIBRATION = "calibration*.npy"


def execute_scoring_job(job_id: uuid.UUID) -> None:
    """Claim a queued scoring job, score its file in a child process and record how it ended.

    Raises:
        HandedBack: the worker is about to end and takes nothing any more.
    """
    execute(ScoringJob, job_id, _score, _finish)


def _score(job: ScoringJob, attempt: UnderWay, watch: Watch) -> Fields:
    """Return the fields of a succeeded job, its artifact in place, or raise Stopped."""
    threads = settings.TRAINING_THREADS
    with ExitStack() as copies:
        patiently(lambda: _describe(job, copies, watch).write(job.job_folder), watch.pace)
        log = patiently(lambda: RunLog(job.log_key, job.job_folder), watch.pace)
        with log, Child("score_file", job.job_folder, log.path, memory=_memory_limit(), threads=threads) as child:
            attempt.watch_over(child)
            progress = supervise(child, watch, log)
    return {"progress": progress, "error": "", "summary": _take_artifact(job, watch)}


def _describe(job: ScoringJob, copies: ExitStack, watch: Watch) -> ScoreFileJob:
    """Return what the child is to do, with files that stay where they are until `copies` is closed."""

    def copy_of(prefix: str, *patterns: str) -> Path:
        return copies.enter_context(files.local_copy(prefix, *patterns, check=watch.pace))

    model = copy_of(job.run.artifact_prefix, *SERVING_FILES, *REFERENCE_FILES, CALIBRATION)
    source, options = job.source, job.options
    if source["kind"] == "file":
        path = copy_of(DataFile(id=uuid.UUID(source["id"])).prefix, TABLE) / TABLE
    else:
        path = copy_of(job.source_prefix) / SOURCE_FILE
    around = training_files(job.run) if options.get("context") == "training" else []
    there = [file for file in around if file is not None]
    tables = [copy_of(file.prefix, TABLE) / TABLE for file in there] if len(there) == len(around) else []
    return ScoreFileJob(
        artifact=model,
        workflow_type=job.run.snapshot["workflow_type"],
        source=path,
        format=source["format"],
        encoding=options.get("encoding"),
        delimiter=options.get("delimiter"),
        verdict={"rule": job.rule.rule, "value": job.rule.value},
        keep=tuple(options.get("keep", ())),
        context=options.get("context", "none"),
        training_tables=tuple(tables),
        sample_rows=settings.LOG_JOB_ROWS,
        threads=settings.TRAINING_THREADS,
        max_columns=settings.MAX_COLUMNS,
        max_cell_bytes=settings.MAX_CELL_BYTES,
    )


def _take_artifact(job: ScoringJob, watch: Watch) -> dict[str, Any]:
    built = job.job_folder / ARTIFACT_FOLDER
    try:
        verify_artifact(built, check=watch.pace)
    except ArtifactError as error:
        raise Ended(f"the scores could not be kept: {error}") from error
    summary: dict[str, Any] = json.loads((built / SUMMARY).read_text())
    watch.check()  # so that a job that was cancelled meanwhile publishes nothing
    patiently(lambda: files.publish(built, job.artifact_prefix, check=watch.pace), watch.pace)
    return summary


def _finish(job: ScoringJob, outcome: Fields) -> bool:
    """End the job and log it, both or neither."""
    with files.local_copy(job.artifact_prefix, MANIFEST, TALLY, SAMPLE) as artifact, transaction.atomic():
        ended = transitions.finish(job, RunState.SUCCEEDED, **outcome)
        if ended:
            log_scoring_job(job, artifact)
    if ended:
        add_to_totals(rows_scored_in_files=outcome["summary"]["rows"])
    return ended


def _memory_limit() -> MemoryLimit:
    return MemoryLimit(
        settings.SCORING_MEMORY_LIMIT,
        setting="NNSERVICE_SCORING_MEMORY_MB",
        remedy="keep fewer columns, or split the file",
    )
