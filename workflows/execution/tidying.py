"""Files of attempts that ended without a result."""

import re
from pathlib import Path

from django.conf import settings

from workflows import files
from workflows.files.local import remove_folder
from workflows.models import OPEN_STATES, Job, Run, RunState, ScoringJob

_JOB_FOLDER = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-[0-9]+")


def tidy(run: Job) -> None:
    """Remove the files that do not belong to a job as it stands, given as one of its attempts had it."""
    now = type(run).all_jobs().filter(id=run.id).only("state", "attempts").first()
    if now is None:
        files.remove(run.prefix)
    elif now.state not in OPEN_STATES:
        files.keep_only(now.prefix, now.kept_names)
    elif (now.state, now.attempts) != (RunState.RUNNING, run.attempts):
        files.remove(run.artifact_prefix)


def is_job_folder(path: Path) -> bool:
    """Tell whether a folder is that of an attempt at a run, by its name."""
    return _JOB_FOLDER.fullmatch(path.name) is not None


def remove_dead_job_folders() -> None:
    """Remove the job folders on this machine of attempts that hold their run no more: their worker died.

    A folder is only made for an attempt that holds its run, so none is removed that is about to be used.
    """
    folders = {
        path: path.name.rpartition("-")[0] for path in Path(settings.JOBS_ROOT).glob("*-*") if is_job_folder(path)
    }
    if not folders:
        return
    held = set()
    for model in (Run, ScoringJob):
        running = model.all_jobs().filter(state=RunState.RUNNING, id__in=set(folders.values()))
        held |= {f"{job}-{attempts}" for job, attempts in running.values_list("id", "attempts")}
    for path in folders:
        if path.name not in held:
            remove_folder(path)
