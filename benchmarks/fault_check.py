"""What is left after a fault campaign, as the installation's own process sees it: runs, artifacts, files and rows."""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import django


def examine(accepted: list[str]) -> dict[str, Any]:
    """Return counts of what must not be, and how the runs ended."""
    from django.conf import settings

    from workflows import files
    from workflows.execution.leftovers import remove_leftovers
    from workflows.models import OPEN_STATES, DataFile, Run, RunState

    before = _orphans(files, DataFile, Run)
    time.sleep(settings.LEFTOVER_SECONDS + 1)
    remove_leftovers()
    runs = list(Run.objects.all())
    known = {str(run.id) for run in runs}
    broken = [why for run in runs if run.state == RunState.SUCCEEDED and (why := _broken_artifact(files, run))]
    broken += [f"upload {row.id}: {why}" for row in DataFile.objects.all() if (why := _broken_upload(files, row))]
    machine = [path for root in (settings.JOBS_ROOT, settings.FILE_UPLOAD_TEMP_DIR) for path in Path(root).glob("*")]
    return {
        "states": {str(run.id): run.state for run in runs},
        "attempts": sum(run.attempts for run in runs),
        "cut_off": [failure["reason"] for run in runs for failure in run.failures],
        "open": [str(run.id) for run in runs if run.state in OPEN_STATES],
        "gone": [run for run in accepted if run not in known],
        "errors": [run.error for run in runs if run.state == RunState.FAILED],
        "broken": broken,
        "orphans_before_the_sweep": len(before),
        "orphans": _orphans(files, DataFile, Run) + [str(path) for path in machine],
    }


def _orphans(files: Any, uploads: Any, runs: Any) -> list[str]:
    """Return what is stored and belongs to no row, or to a run that did not keep it."""
    found = []
    for kind, model in ((files.UPLOADS, uploads), (files.RUNS, runs)):
        rows = {str(row.pk): row for row in model.objects.all()}
        for name, inside in files.stored(kind).items():
            if name not in rows:
                found.append(f"{kind}/{name}")
            elif kind == files.RUNS:
                found += [f"{kind}/{name}/{child}" for child in inside if child and child not in rows[name].kept_names]
    return found


def _broken_artifact(files: Any, run: Any) -> str | None:
    from algorithms.artifacts import verify_artifact
    from algorithms.errors import ArtifactError

    try:
        with files.local_copy(run.artifact_prefix) as folder:
            verify_artifact(folder)
    except (ArtifactError, files_error()) as error:
        return f"run {run.id}: {error}"
    return None


def files_error() -> type[Exception]:
    from workflows.errors import ServiceError

    return ServiceError


def _broken_upload(files: Any, row: Any) -> str | None:
    import hashlib

    try:
        digest = hashlib.sha256(b"".join(files.stream(row.prefix, "source.csv"))).hexdigest()
        if not files.names(row.prefix) or "table.parquet" not in files.names(row.prefix):
            return "the table is missing"
    except files_error() as error:
        return str(error)
    return None if digest == row.sha256 else "its digest does not hold"


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "nnservice.settings"
    django.setup()
    json.dump(examine(json.load(sys.stdin)), sys.stdout)
