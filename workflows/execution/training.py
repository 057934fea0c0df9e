"""One run, from the claim to the result: the worker supervises, a child process trains."""

import json
import logging
import socket
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections
from django.utils import timezone

from algorithms.artifacts import verify_artifact
from algorithms.errors import ArtifactError
from algorithms.jobs import ARTIFACT_FOLDER, FitJob
from workflows import files
from workflows.errors import Damaged
from workflows.execution import shutdown
from workflows.execution.child import Child
from workflows.execution.memory import MemoryLimit
from workflows.execution.transfers import RunLog, patiently
from workflows.files.local import remove_folder
from workflows.models import DataFile, Run, RunState
from workflows.models.node import TABLE

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.25
DATABASE_DOWN = (OperationalError, InterfaceError)
DATABASE_PATIENCE_SECONDS = 600


class Stopped(Exception):
    """The training must end before its child does; `state` is what becomes of the run."""

    def __init__(self, state: RunState, reason: str) -> None:
        super().__init__(reason)
        self.state = state
        self.reason = reason


def execute_run(run_id: uuid.UUID) -> None:
    """Claim a queued run, train it in a child process and record how it ended.

    A run that is not queued any more (a message delivered twice, a cancelled run) is left alone.
    """
    run = claim(run_id)
    if run is None:
        logger.info("run %s is not queued any more", run_id)
        return
    logger.info("run %s: attempt %s", run.id, run.attempts)
    try:
        outcome = _train(run)
    except Stopped as stop:
        _record_stop(run, stop)
    except Exception as error:  # whatever happened, the run must end: recorded, then raised for the worker's log
        _finish(run, RunState.FAILED, error=f"the service failed: {type(error).__name__}: {error}")
        raise
    else:
        _record_success(run, outcome)


def claim(run_id: uuid.UUID) -> Run | None:
    """Take a queued run for this worker; None if another has it or it does not wait any more."""
    now = timezone.now()
    worker = f"{socket.gethostname()}:{threading.get_native_id()}"
    run = Run.objects.filter(id=run_id).first()
    if run is None or not Run.objects.move(
        run_id,
        RunState.QUEUED,
        RunState.RUNNING,
        started=now,
        heartbeat=now,
        worker=worker,
        attempts=run.attempts + 1,
        progress={},
    ):
        return None
    return Run.objects.select_related("version__network").get(id=run_id)


def _train(run: Run) -> dict[str, Any]:
    """Return the fields of a succeeded run, its artifact in place and the job folder gone, or raise Stopped."""
    run.job_folder.mkdir(parents=True)
    watch = _Watch(run)
    try:
        with ExitStack() as tables:
            patiently(lambda: _fit_job(run, tables, watch.pace).write(run.job_folder), watch.pace)
            log = patiently(lambda: RunLog(run.log_key, run.job_folder), watch.pace)
            memory = _memory_limit()
            with log, Child("fit", run.job_folder, log.path, memory=memory, threads=settings.TRAINING_THREADS) as child:
                ended = False
                while not ended:
                    ended = child.wait(POLL_SECONDS)
                    for event in child.poll_events():
                        watch.hear(event)
                    if not ended:
                        watch.check()
                        log.put_when_due()
            progress = watch.outcome(child)
        return {"progress": progress, "error": "", **_take_artifact(run, watch)}
    except Damaged as error:
        raise Stopped(RunState.FAILED, f"{error.message}: upload the data again") from error
    finally:
        remove_folder(run.job_folder)


def _take_artifact(run: Run, watch: "_Watch") -> dict[str, Any]:
    built = run.job_folder / ARTIFACT_FOLDER
    try:
        manifest = verify_artifact(built)
    except ArtifactError as error:
        raise Stopped(RunState.FAILED, f"the trained model could not be kept: {error}") from error
    result = json.loads((built / "result.json").read_text())
    patiently(lambda: files.publish(built, run.artifact_prefix, check=watch.pace), watch.pace)
    return {
        "result": result,
        "metrics": result["metrics"],
        "threshold": result["threshold"],
        "libraries": manifest.get("libraries", {}),
    }


def _fit_job(run: Run, tables: ExitStack, check: Callable[[], None]) -> FitJob:
    """Return the job, with tables that stay where they are until `tables` is closed."""
    snapshot = run.snapshot

    def table(described: Mapping[str, Any]) -> Path:
        prefix = DataFile(id=uuid.UUID(described["id"])).prefix
        return tables.enter_context(files.local_copy(prefix, TABLE, check=check)) / TABLE

    return FitJob(
        workflow_type=snapshot["workflow_type"],
        tables={node: tuple(map(table, described)) for node, described in snapshot["data"].items()},
        parameters=snapshot["given"],
        threads=settings.TRAINING_THREADS,
        memory_bytes=settings.TRAINING_MEMORY_LIMIT,
    )


def _memory_limit() -> MemoryLimit:
    return MemoryLimit(
        settings.TRAINING_MEMORY_LIMIT,
        setting="NNSERVICE_TRAINING_MEMORY_MB",
        remedy="use fewer rows, columns or a smaller vocab_size, and for graphbean `training` 'sampled'",
    )


class _Watch:
    """What the supervisor knows of a running child, and the limits it holds it to."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._progress: dict[str, Any] = {}
        self._last: dict[str, Any] = {}
        self._started = time.monotonic()
        self._beat = self._started
        self._checked = self._started
        self._changed = False

    def hear(self, event: dict[str, Any]) -> None:
        """Take in one event of the child."""
        self._last = event
        kind = event.get("event")
        if kind == "progress":
            self._progress |= {key: value for key, value in event.items() if key != "event"}
            self._changed = True
        elif kind == "stage":
            self._progress["stage"] = event.get("name")
            self._changed = True

    def pace(self) -> None:
        """Check now and then: for what calls this very often, such as a transfer of files."""
        if time.monotonic() - self._checked > POLL_SECONDS:
            self.check()

    def check(self) -> None:
        """Write progress and heartbeat; raise Stopped when the run must end."""
        self._checked = time.monotonic()
        if shutdown.requested.is_set():
            raise Stopped(RunState.QUEUED, "the worker is shutting down and hands the run back")
        if time.monotonic() - self._started > settings.TRAINING_TIME_LIMIT:
            raise Stopped(
                RunState.FAILED,
                f"stopped after {settings.TRAINING_TIME_LIMIT} seconds, the time limit "
                "(NNSERVICE_TRAINING_TIME_LIMIT); lower `iter` or raise the limit",
            )
        self._report()

    def _report(self) -> None:
        try:
            self._report_once()
        except DATABASE_DOWN as error:
            # A training outlives a database that is busy or restarts; the next poll tries again.
            logger.warning("run %s: progress could not be written: %s", self._run.id, error)
            close_old_connections()

    def _report_once(self) -> None:
        now = time.monotonic()
        asked = Run.objects.filter(id=self._run.id).values_list("state", "attempts", "cancel_requested").first()
        if asked is None or asked[:2] != (RunState.RUNNING, self._run.attempts):
            raise Stopped(RunState.CANCELLED, "the run was taken away")
        if asked[2]:
            raise Stopped(RunState.CANCELLED, "cancelled on request")
        if self._changed or now - self._beat > settings.HEARTBEAT_SECONDS:
            Run.objects.filter(id=self._run.id, state=RunState.RUNNING, attempts=self._run.attempts).update(
                progress=self._progress, heartbeat=timezone.now()
            )
            self._beat = now
            self._changed = False

    def outcome(self, child: Child) -> dict[str, Any]:
        """Return the last progress of a child that finished, or raise Stopped saying why it did not."""
        if self._last.get("event") == "finished":
            return self._progress | {"percent": 100.0}
        if self._last.get("event") == "failed":
            raise Stopped(RunState.FAILED, str(self._last.get("error")))
        raise Stopped(RunState.FAILED, child.describe_end())


def _record_success(run: Run, outcome: dict[str, Any]) -> None:
    if not _finish(run, RunState.SUCCEEDED, **outcome):
        files.remove(run.artifact_prefix)


def _record_stop(run: Run, stop: Stopped) -> None:
    logger.info("run %s: %s", run.id, stop.reason)
    if stop.state == RunState.QUEUED:
        # Handed back, not failed: the attempt does not count.
        fields: dict[str, Any] = {"attempts": run.attempts - 1, "enqueued": None, "progress": {}, "worker": ""}
        _persistently(lambda: Run.objects.move(run.id, RunState.RUNNING, RunState.QUEUED, **fields))
    else:
        _finish(run, stop.state, error=stop.reason)


def _finish(run: Run, state: RunState, **fields: Any) -> bool:
    """End the run unless this attempt lost it; True if this call did it. A deleted run leaves no folder."""
    mine = Run.objects.filter(id=run.id, state=RunState.RUNNING, attempts=run.attempts)
    ended = _persistently(lambda: bool(mine.update(state=state, finished=timezone.now(), **fields)))
    if not ended and not _persistently(lambda: Run.objects.filter(id=run.id).exists()):
        files.remove(run.prefix)
    if ended:
        run.state = state
        files.keep_only(run.prefix, run.kept_names)
    return ended


def _persistently(write: Callable[[], bool]) -> bool:
    """Try a database call again and again for some minutes: hours of training hang on it."""
    deadline = time.monotonic() + DATABASE_PATIENCE_SECONDS
    while True:
        close_old_connections()
        try:
            return write()
        except DATABASE_DOWN as error:
            if time.monotonic() > deadline or shutdown.requested.is_set():
                raise
            logger.warning("the database cannot be reached, trying again: %s", error)
            time.sleep(POLL_SECONDS)
