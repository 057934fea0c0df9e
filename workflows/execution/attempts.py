"""One attempt at a job of any kind, from the claim to the end: the worker supervises, a child process works."""

import logging
import uuid
from collections.abc import Callable
from typing import Any

from workflows.errors import Damaged, Unavailable, is_disk_full
from workflows.execution import handing_back, shutdown, transitions
from workflows.execution.child import Child
from workflows.execution.handing_back import UnderWay, persistently
from workflows.execution.tidying import tidy
from workflows.execution.transfers import RunLog
from workflows.execution.transitions import AnyJob
from workflows.execution.watch import POLL_SECONDS, CutOff, Ended, HandedBack, Lost, Watch
from workflows.files.local import remove_folder
from workflows.models import RunState

logger = logging.getLogger(__name__)

DISK_IS_FULL = "the disk of the worker or of the stored files is full: free some space on it, then try again"

Fields = dict[str, Any]


def execute(
    model: type[AnyJob],
    job_id: uuid.UUID,
    work: Callable[[AnyJob, UnderWay, Watch], Fields],
    finish: Callable[[AnyJob, Fields], object],
) -> None:
    """Claim a queued job, do its `work`, and `finish` it with what the work returned, or record why it did not end so.

    A job that is not queued any more (a message delivered twice, a cancelled job) is left alone.

    Raises:
        HandedBack: the worker is about to end and takes nothing any more.
    """
    if shutdown.requested.is_set():
        raise HandedBack("the worker is shutting down")
    job = persistently(lambda: transitions.claim(model, job_id))
    if job is None:
        logger.info("run %s is not queued any more", job_id)
        return
    logger.info("run %s: attempt %s", job.id, job.attempts)
    try:
        _attempt(job, work, finish)
    finally:
        persistently(lambda: tidy(job))


def _attempt(
    job: AnyJob, work: Callable[[AnyJob, UnderWay, Watch], Fields], finish: Callable[[AnyJob, Fields], object]
) -> None:
    """Work on a claimed job, and have the database say how that ended."""
    try:
        with handing_back.under_way(job) as attempt:
            outcome = _worked(job, attempt, work)
            persistently(lambda: finish(job, outcome))
    except Lost as stop:
        logger.info("run %s: %s", job.id, stop)
    except HandedBack:
        persistently(lambda: transitions.hand_back(job))
    except CutOff as stop:
        reason = str(stop)
        persistently(lambda: transitions.fail_attempt(job, reason))
    except Ended as stop:
        error = str(stop)
        persistently(lambda: transitions.finish(job, RunState.FAILED, error=error))
    except Exception as failure:  # whatever happened, the job must end: recorded, then raised for the worker's log
        error = f"the service failed: {type(failure).__name__}: {failure}"
        persistently(lambda: transitions.finish(job, RunState.FAILED, error=error))
        raise


def _worked(job: AnyJob, attempt: UnderWay, work: Callable[[AnyJob, UnderWay, Watch], Fields]) -> Fields:
    """Return the fields of a job that succeeded, its artifact in place and the job folder gone, or raise Stopped."""
    try:
        job.job_folder.mkdir(parents=True)
        return work(job, attempt, Watch(job))
    except Damaged as error:
        raise Ended(f"{error.message}: upload the data again") from error
    except Unavailable as error:
        raise CutOff(error.message) from error
    except OSError as error:
        if is_disk_full(error):
            raise Ended(DISK_IS_FULL) from error
        raise
    finally:
        remove_folder(job.job_folder)


def supervise(child: Child, watch: Watch, log: RunLog) -> dict[str, Any]:
    """Return the last progress of a child that finished, or raise Stopped."""
    ended = False
    while not ended:
        ended = child.wait(POLL_SECONDS)
        for event in child.poll_events():
            watch.hear(event)
        if not ended:
            watch.check()
            watch.publish_checkpoint()
            log.put_when_due()
    return watch.outcome(child)
