"""Scores of one Parquet file: the worker supervises, a child process scores."""

import logging
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings

from algorithms.jobs import ScoreJob
from workflows.errors import ServiceError
from workflows.execution import shutdown
from workflows.execution.child import Child
from workflows.execution.memory import MemoryLimit
from workflows.models import Run
from workflows.services.results import require_succeeded
from workflows.services.runs import get_run_by_id
from workflows.services.scored_files import FileState, ScoredFile

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.25
REPORT_SECONDS = 2.0


class HandedBack(Exception):
    """The worker ends; another must score the file."""


def score_file(run_id: UUID, file: ScoredFile, keep: Sequence[str] | None) -> None:
    """Score a file by the model of a run in a child process, and report how it went.

    A file that is finished, or that another worker is heard to score, is left alone.

    Raises:
        HandedBack: the worker is shutting down.
    """
    if file.state in (FileState.FINISHED, FileState.RUNNING):
        logger.info("%s is %s already", file.target, file.state)
        return
    began = time.monotonic()
    file.write_report(FileState.RUNNING, rows=0)
    try:
        run = get_run_by_id(run_id)
        require_succeeded(run)
        outcome = _score(run, file, keep)
    except HandedBack:
        file.remove_report()
        raise
    except ServiceError as error:
        file.write_report(FileState.FAILED, error=error.message)
    except Exception as error:  # whatever happened, someone waits for a report: recorded, then raised for the log
        file.write_report(FileState.FAILED, error=f"the service failed: {type(error).__name__}: {error}")
        raise
    else:
        file.write_report(**outcome, seconds=round(time.monotonic() - began, 3))
    logger.info("%s: %s", file.target, file.read_report())


def _score(run: Run, file: ScoredFile, keep: Sequence[str] | None) -> dict[str, Any]:
    """Return what to report of a file once its child has ended."""
    job = ScoreJob(
        artifact=run.artifact,
        source=file.source,
        target=file.target,
        keep=None if keep is None else tuple(keep),
        threads=settings.TRAINING_THREADS,
    )
    root = Path(settings.JOBS_ROOT)
    root.mkdir(parents=True, exist_ok=True)
    last: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="score-", dir=root) as name:
        folder = Path(name)
        job.write(folder)
        log = folder / "score.log"
        with Child("score", folder, log, memory=_memory_limit(), threads=settings.TRAINING_THREADS) as child:
            reported, ended = time.monotonic(), False
            while not ended:
                ended = child.wait(POLL_SECONDS)
                for event in child.poll_events():
                    last = event
                if not ended and shutdown.requested.is_set():
                    raise HandedBack
                if not ended and time.monotonic() - reported > REPORT_SECONDS:
                    reported = time.monotonic()
                    file.write_report(FileState.RUNNING, rows=last.get("rows", 0))
        if last.get("event") == "finished":
            return {"state": FileState.FINISHED, "rows": last["rows"], "anomalies": last["anomalies"]}
        if last.get("kind") != "data":
            logger.error("%s was not scored: %s", file.source, log.read_text(errors="replace")[-2000:])
    error = last["error"] if last.get("event") == "failed" else child.describe_end()
    return {"state": FileState.FAILED, "error": error}


def _memory_limit() -> MemoryLimit:
    return MemoryLimit(
        settings.SCORING_MEMORY_LIMIT,
        setting="NNSERVICE_SCORING_MEMORY_MB",
        remedy="keep fewer columns, or raise the limit",
    )
