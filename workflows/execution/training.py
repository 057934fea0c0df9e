"""One run, from the claim to the result: the worker supervises, a child process trains."""

import json
import logging
import uuid
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.conf import settings

from algorithms.artifacts import verify_artifact
from algorithms.errors import ArtifactError
from algorithms.jobs import ARTIFACT_FOLDER, FitJob
from workflows import files
from workflows.errors import Damaged
from workflows.execution import transitions
from workflows.execution.attempts import Fields, execute, supervise
from workflows.execution.child import Child
from workflows.execution.handing_back import UnderWay
from workflows.execution.memory import MemoryLimit
from workflows.execution.transfers import RunLog, patiently
from workflows.execution.watch import Ended, Watch
from workflows.models import DataFile, Run, RunState
from workflows.models.node import TABLE

logger = logging.getLogger(__name__)


def execute_run(run_id: uuid.UUID) -> None:
    """Claim a queued run, train it in a child process and record how it ended.

    Raises:
        HandedBack: the worker is about to end and takes nothing any more.
    """
    execute(Run, run_id, _train, lambda run, outcome: transitions.finish(run, RunState.SUCCEEDED, **outcome))


def _train(run: Run, attempt: UnderWay, watch: Watch) -> Fields:
    """Return the fields of a succeeded run, its artifact in place, or raise Stopped."""
    with ExitStack() as copies:
        patiently(lambda: _fit_job(run, copies, watch.pace).write(run.job_folder), watch.pace)
        log = patiently(lambda: RunLog(run.log_key, run.job_folder), watch.pace)
        memory, threads = _memory_limit(), settings.TRAINING_THREADS
        with log, Child("fit", run.job_folder, log.path, memory=memory, threads=threads) as child:
            attempt.watch_over(child)
            progress = supervise(child, watch, log)
    return {"progress": progress, "error": "", **_take_artifact(run, watch)}


def _take_artifact(run: Run, watch: Watch) -> dict[str, Any]:
    built = run.job_folder / ARTIFACT_FOLDER
    try:
        manifest = verify_artifact(built, check=watch.pace)
    except ArtifactError as error:
        raise Ended(f"the trained model could not be kept: {error}") from error
    result = json.loads((built / "result.json").read_text())
    watch.check()  # so that a run that was cancelled meanwhile publishes nothing
    patiently(lambda: files.publish(built, run.artifact_prefix, check=watch.pace), watch.pace)
    return {
        "result": result,
        "metrics": result["metrics"],
        "threshold": result["threshold"],
        "libraries": manifest.get("libraries", {}),
    }


def _fit_job(run: Run, copies: ExitStack, check: Callable[[], None]) -> FitJob:
    """Return the job, with tables and a checkpoint that stay where they are until `copies` is closed."""
    snapshot = run.snapshot

    def table(described: Mapping[str, Any]) -> Path:
        prefix = DataFile(id=uuid.UUID(described["id"])).prefix
        return copies.enter_context(files.local_copy(prefix, TABLE, check=check)) / TABLE

    return FitJob(
        workflow_type=snapshot["workflow_type"],
        tables={node: tuple(map(table, described)) for node, described in snapshot["data"].items()},
        parameters=snapshot["given"],
        threads=settings.TRAINING_THREADS,
        memory_bytes=settings.TRAINING_MEMORY_LIMIT,
        checkpoint_seconds=settings.CHECKPOINT_SECONDS,
        resume=_checkpoint(run, copies, check),
    )


def _checkpoint(run: Run, copies: ExitStack, check: Callable[[], None]) -> Path | None:
    """Return how far an earlier attempt came, None if this is the first or nothing of it can be used."""
    if run.attempts == 1 or not files.names(run.checkpoint_prefix):
        return None
    try:
        return copies.enter_context(files.local_copy(run.checkpoint_prefix, check=check))
    except Damaged as error:
        logger.warning("run %s starts anew: %s", run.id, error.message)
        return None


def _memory_limit() -> MemoryLimit:
    return MemoryLimit(
        settings.TRAINING_MEMORY_LIMIT,
        setting="NNSERVICE_TRAINING_MEMORY_MB",
        remedy="use fewer rows, columns or a smaller vocab_size, and for graphbean `training` 'sampled'",
    )
