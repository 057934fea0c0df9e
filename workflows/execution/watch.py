"""What the supervisor knows of an attempt at a run, and the limits it holds it to."""

import logging
import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections

from workflows import files
from workflows.errors import ServiceError
from workflows.execution import shutdown, transitions
from workflows.execution.child import Child
from workflows.files.local import remove_folder
from workflows.models import Job

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.25
DATABASE_DOWN = (OperationalError, InterfaceError)


class Stopped(Exception):
    """The attempt must end, or has ended, without a result."""


class Ended(Stopped):
    """The run ends with it: another attempt would come to the same."""


class CutOff(Stopped):
    """Another attempt may do better; this one counts."""


class HandedBack(Stopped):
    """The worker ends; another one goes on."""


class Lost(Stopped):
    """The run is not this attempt's any more: it was cancelled, taken away or deleted."""


class Watch:
    """Hears what the child says, passes it on to the database, and tells when the attempt must end."""

    def __init__(self, run: Job) -> None:
        self._run = run
        self._progress: dict[str, Any] = {}
        self._last: dict[str, Any] = {}
        self._started = time.monotonic()
        self._beat = self._started
        self._checked = self._started
        self._changed = False
        self._checkpoint: Path | None = None

    def hear(self, event: dict[str, Any]) -> None:
        """Take in one event of the child."""
        self._last = event
        kind = event.get("event")
        if kind == "progress":
            if "resumed_from_epoch" in event:
                logger.info("run %s goes on after epoch %s", self._run.id, event["resumed_from_epoch"])
            self._progress |= {key: value for key, value in event.items() if key != "event"}
            self._changed = True
        elif kind == "stage":
            self._progress["stage"] = event.get("name")
            self._changed = True
        elif kind == "checkpoint":
            self._checkpoint = self._run.job_folder / Path(event["folder"]).name

    def publish_checkpoint(self) -> None:
        """Have the last checkpoint where the next attempt finds it. One that cannot be stored costs no run."""
        found, self._checkpoint = self._checkpoint, None
        if found is None:
            return
        taken = self._run.job_folder / "taken"
        try:
            found.rename(taken)  # the child, which removes its older ones, must not do so while this one is copied
            files.publish(taken, self._run.checkpoint_prefix, changing=True, check=self.pace)
        except FileNotFoundError:
            pass  # it has written two others since
        except (ServiceError, OSError) as error:
            logger.warning("run %s: a checkpoint was not stored: %s", self._run.id, error)
        finally:
            remove_folder(taken)

    def pace(self) -> None:
        """Check now and then: for what calls this very often, such as a transfer of files."""
        if time.monotonic() - self._checked > POLL_SECONDS:
            self.check()

    def check(self) -> None:
        """Write progress and heartbeat; raise Stopped when the attempt must end."""
        self._checked = time.monotonic()
        if shutdown.requested.is_set():
            raise HandedBack("the worker is shutting down")
        if time.monotonic() - self._started > settings.TRAINING_TIME_LIMIT:
            raise Ended(
                f"stopped after {settings.TRAINING_TIME_LIMIT} seconds, the time limit "
                "(NNSERVICE_TRAINING_TIME_LIMIT); lower `iter` or raise the limit"
            )
        try:
            self._report()
        except DATABASE_DOWN as error:
            # A training outlives a database that is busy or restarts; the next poll tries again.
            logger.warning("run %s: progress could not be written: %s", self._run.id, error)
            close_old_connections()

    def _report(self) -> None:
        now = time.monotonic()
        if self._changed or now - self._beat > settings.HEARTBEAT_SECONDS:
            holds = transitions.beat(self._run, self._progress)
            self._beat = now
            self._changed = False
        else:
            holds = transitions.held(self._run).exists()
        if not holds:
            raise Lost("the run was cancelled or taken away")

    def outcome(self, child: Child) -> dict[str, Any]:
        """Return the last progress of a child that finished, or raise Stopped saying why it did not."""
        kind = self._last.get("event")
        if kind == "finished":
            return self._progress | {"percent": 100.0}
        if kind == "failed":
            raise Ended(str(self._last.get("error")))
        if shutdown.requested.is_set():
            raise HandedBack("the worker is shutting down")
        if child.ran_out_of_memory:
            raise Ended(child.describe_end())
        raise CutOff(child.describe_end())
