"""The command line of a child process: `python -m algorithms TASK FOLDER` does the job of a folder (`algorithms.jobs`).

Events go to standard output, the log to standard error. Exit code 0: finished; 2: the data do not fit; 1: any other
failure.
"""

import argparse
import errno
import importlib
import logging
import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from algorithms.errors import DataError
from algorithms.events import EventStream
from algorithms.jobs import ConvertJob, FitJob, ScoreFileJob, ScoreJob
from algorithms.workflow_types import WORKFLOW_TYPES

FINISHED, FAILED, DATA_DO_NOT_FIT = 0, 1, 2

DISK_IS_FULL = "the disk that holds the job is full: free some space on it, or use fewer rows or columns"
MEMORY_IS_OUT = (
    "more memory is needed than there is: use fewer rows or columns, a smaller vocab_size, or a larger machine"
)

logger = logging.getLogger("algorithms")

Task = Callable[[Path, EventStream], Mapping[str, Any]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one task; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m algorithms", description="Do the job of a job folder.")
    what = (
        "fit: train a detector; convert: turn a CSV file into Parquet; score: score the rows of a Parquet file;"
        " score_file: score a CSV or Parquet file, with verdicts, drivers and a summary"
    )
    parser.add_argument("task", choices=_TASKS, help=what)
    parser.add_argument("folder", type=Path, help="the job folder, which holds job.json")
    parser.add_argument(
        "--supervised",
        action="store_true",
        help="end as soon as standard input ends: its other end is the supervisor's",
    )
    options = parser.parse_args(arguments)
    if options.supervised:
        threading.Thread(target=_end_with_supervisor, daemon=True).start()
    events = EventStream(_claim_standard_output())
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    return _run(_TASKS[options.task], options.folder, events)


def _run(task: Task, folder: Path, events: EventStream) -> int:
    try:
        events.send("finished", **task(folder, events))
    except DataError as error:
        logger.error("%s", error)  # noqa: TRY400  the user can mend it: a traceback would only hide the message
        events.send("failed", kind="data", error=str(error), errors=error.errors)
        return DATA_DO_NOT_FIT
    except MemoryError:
        logger.exception("out of memory")
        events.send("failed", kind="memory", error=MEMORY_IS_OUT, errors={})
        return FAILED
    except Exception as error:
        logger.exception("the job in %s failed", folder)
        if _is_disk_full(error):
            events.send("failed", kind="disk", error=DISK_IS_FULL, errors={})
            return FAILED
        events.send("failed", kind="internal", error=f"{type(error).__name__}: {error}", errors={})
        return FAILED
    return FINISHED


def _is_disk_full(error: BaseException) -> bool:
    """Tell whether an error says that a disk is full; libraries of files pass it on in errors of their own."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    cause = error.__cause__ or error.__context__
    return os.strerror(errno.ENOSPC) in str(error) or (cause is not None and _is_disk_full(cause))


def _fit(folder: Path, events: EventStream) -> Mapping[str, Any]:
    job = FitJob.read(folder)
    fit: Callable[[FitJob, Path, EventStream], Mapping[str, Any]] = _named(WORKFLOW_TYPES[job.workflow_type].fit)
    return fit(job, folder, events)


def _score_file(folder: Path, events: EventStream) -> Mapping[str, Any]:
    job = ScoreFileJob.read(folder)
    score_file: Callable[[ScoreFileJob, Path, EventStream], Mapping[str, Any]]
    score_file = _named(WORKFLOW_TYPES[job.workflow_type].score_file)
    return score_file(job, folder, events)


def _named(function: str) -> Any:
    """Return what is called "module:function"."""
    module, _, name = function.partition(":")
    return getattr(importlib.import_module(module), name)


def _convert(folder: Path, _: EventStream) -> Mapping[str, Any]:
    from algorithms.tables.convert import convert

    return convert(ConvertJob.read(folder))


def _score(folder: Path, events: EventStream) -> Mapping[str, Any]:
    from algorithms.bulk import score_parquet

    def report(done: int, of: int) -> None:
        events.progress(percent=round(100 * done / of, 1), rows=done)

    job = ScoreJob.read(folder)
    return score_parquet(job.artifact, job.source, job.target, keep=job.keep, threads=job.threads, on_rows=report)


_TASKS: Mapping[str, Task] = {"fit": _fit, "convert": _convert, "score": _score, "score_file": _score_file}


def _claim_standard_output() -> Any:
    """Keep standard output for events: whatever else is printed, by C libraries too, goes to standard error."""
    events = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return events


def _end_with_supervisor() -> None:
    """End this process when its supervisor does, even by SIGKILL: the kernel then closes the pipe.

    Linux's PR_SET_PDEATHSIG is no substitute: it fires when the *thread* ends that started the child.
    """
    while os.read(sys.stdin.fileno(), 4096):
        pass
    os._exit(FAILED)


def _leave(code: int) -> NoReturn:
    """End at once, without the libraries' own clean-up: all is written and said by now.

    A file that is refused half-way leaves pyarrow's thread reading ahead; meeting it at the interpreter's end sometimes
    aborted the process, and its exit code was that of the abort.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _leave(main())
