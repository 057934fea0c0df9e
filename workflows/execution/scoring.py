"""Scores of one Parquet file: the worker supervises, a child process scores."""

import logging
import tempfile
import time
from pathlib import Path
from typing import Any

from django.conf import settings

from algorithms.artifacts import SERVING_FILES
from algorithms.jobs import ScoreJob
from workflows import files
from workflows.errors import ServiceError, Unprocessable
from workflows.execution import shutdown
from workflows.execution.child import Child
from workflows.execution.memory import MemoryLimit
from workflows.operations.totals import add_to_totals
from workflows.services.results import require_succeeded
from workflows.services.runs import get_run_by_id
from workflows.services.scored_files import FileState, ScoredFile
from workflows.services.scoring_note import ScoringNote

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.25
REPORT_SECONDS = 2.0


class HandedBack(Exception):
    """The worker ends; another must score the file."""


def score_file(target: Path, name: str) -> None:
    """Score a file of a folder that is scored in a child process, and report how it went.

    Only a file whose report says `queued` is touched: it is not if the message came twice, or if the folder is gone.

    Raises:
        HandedBack: the worker is shutting down; the file is queued again.
    """
    try:
        note = ScoringNote.read(target)
    except FileNotFoundError:
        logger.info("%s is not scored into any more", target)
        return
    file = ScoredFile(note.source, target, name)
    if (state := file.state) != FileState.QUEUED:
        logger.info("%s is %s, not queued", file.target, state)
        return
    began = time.monotonic()
    file.write_report(FileState.RUNNING)
    try:
        _score(note, file)
    except HandedBack:
        file.write_report(FileState.QUEUED)
        raise
    except ServiceError as error:
        file.write_report(FileState.FAILED, error=error.message)
    except Exception as error:  # whatever happened, someone waits for a report: recorded, then raised for the log
        file.write_report(FileState.FAILED, error=f"the service failed: {type(error).__name__}: {error}")
        raise
    logger.info("%s: %s, %.1f s", file.target, file.read_report(), time.monotonic() - began)


def _score(note: ScoringNote, file: ScoredFile) -> None:
    """Run the child that scores a file, and report how it ended."""
    run = get_run_by_id(note.run)
    require_succeeded(run)
    with files.local_copy(run.artifact_prefix, *SERVING_FILES, check=_end_for_shutdown) as artifact:
        _score_by(artifact, note, file)


def _end_for_shutdown() -> None:
    if shutdown.requested.is_set():
        raise HandedBack


def _score_by(artifact: Path, note: ScoringNote, file: ScoredFile) -> None:
    job = ScoreJob(
        artifact=artifact,
        source=file.source,
        target=file.target,
        keep=note.keep,
        threads=settings.TRAINING_THREADS,
    )
    stamp = file.stamp()  # taken before the first row is read: a source that changes meanwhile has another
    root = Path(settings.JOBS_ROOT)
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="score-", dir=root) as name:
        folder = Path(name)
        job.write(folder)
        log = folder / "score.log"
        with Child("score", folder, log, memory=_memory_limit(), threads=settings.TRAINING_THREADS) as child:
            last = _follow(child, file)
        if last.get("event") == "finished":
            counts = {name: last[name] for name in ("rows", "anomalies", "changed")}
            file.write_report(FileState.FINISHED, source=stamp, **counts)
            add_to_totals(rows_scored_in_files=counts["rows"])
            return
        if last.get("kind") != "data":
            logger.error("%s was not scored: %s", file.source, log.read_text(errors="replace")[-2000:])
    error = last["error"] if last.get("event") == "failed" else child.describe_end()
    file.write_report(FileState.FAILED, error=error)


def _follow(child: Child, file: ScoredFile) -> dict[str, Any]:
    """Report the progress of a child until it has ended; return its last event."""
    last: dict[str, Any] = {}
    began = reported = time.monotonic()
    while True:
        ended = child.wait(POLL_SECONDS)
        for event in child.poll_events():
            last = event
        if ended:
            return last
        now = time.monotonic()
        _end_for_shutdown()
        if now - began > settings.TRAINING_TIME_LIMIT:
            limit = f"{settings.TRAINING_TIME_LIMIT:,} s (NNSERVICE_TRAINING_TIME_LIMIT)"
            raise Unprocessable(f"stopped after {limit}: split the file")
        if now - reported > REPORT_SECONDS:
            reported = now
            file.write_report(FileState.RUNNING, rows=last.get("rows", 0))


def _memory_limit() -> MemoryLimit:
    return MemoryLimit(
        settings.SCORING_MEMORY_LIMIT,
        setting="NNSERVICE_SCORING_MEMORY_MB",
        remedy="keep fewer columns, or raise the limit",
    )
