"""Files that no one will ask for again: of uploads and conversions that a crash or a stop cut off."""

import logging
import os
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import cast
from uuid import UUID

from django.conf import settings

from workflows import files
from workflows.execution.tidying import is_job_folder, remove_dead_job_folders
from workflows.files.local import PARTIAL, last_change, remove_path
from workflows.models import OPEN_STATES, DataFile, Run, ScoringJob

logger = logging.getLogger(__name__)

KINDS: Mapping[str, type[DataFile | Run | ScoringJob]] = {
    files.UPLOADS: DataFile,
    files.RUNS: Run,
    files.SCORED: ScoringJob,
}


EVERY_SECONDS = 3600.0

_removed = float("-inf")
_offsets: dict[str, float] = {}
"""How far the clocks of the disks are ahead of the monotonic one, at the least that this process saw."""


def remove_leftovers() -> None:
    """Remove what was not touched for `LEFTOVER_SECONDS` and belongs to no row; what is in use is younger."""
    _remove_from_this_machine()
    before = _old_before("storage", _time_of_storage())
    _remove_from_storage(before)
    files.remove_unfinished(before)


def remove_from_this_machine_when_due() -> None:
    """Remove leftovers of this machine once an hour: work that was cut off, and copies of what is deleted.

    A host may have web processes only, which are told nothing.
    """
    global _removed  # noqa: PLW0603 - of the process
    if time.monotonic() - _removed >= EVERY_SECONDS:
        _removed = time.monotonic()
        _remove_from_this_machine()


def _old_before(disk: str, now: float) -> float:
    """Return the time since when what is in use was touched, by a disk's clock that says `now`.

    A clock that was set forward while this process ran is not believed: all that is in use would look old.
    """
    offset = now - time.monotonic()
    _offsets[disk] = min(offset, _offsets.get(disk, offset))
    return time.monotonic() + _offsets[disk] - settings.LEFTOVER_SECONDS


def _time_of_storage() -> float:
    """Return what the clock says that dates the stored files; it may be a bucket's, or a file server's."""
    try:
        return files.check_writable()
    except OSError:  # a full disk, which needs the room
        return time.time()


def _time_of_machine() -> float:
    """Return what the clock says that dates the files of work under way; this process may see another one."""
    folder = Path(settings.JOBS_ROOT)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            return os.fstat(probe.fileno()).st_mtime
    except OSError:  # a full disk, which needs the room
        return time.time()


def _remove_from_this_machine() -> None:
    before = _old_before("machine", _time_of_machine())
    for path in _old(Path(settings.FILE_UPLOAD_TEMP_DIR), before):
        logger.info("removing the rest of an upload: %s", path.name)
        remove_path(path)
    for path in _old(Path(settings.JOBS_ROOT), before):
        if not is_job_folder(path):  # a training does not touch its own for hours; the database says whose is dead
            remove_path(path)
    remove_dead_job_folders()
    cache = files.cache()
    cache.remove_rests()
    for kind, model in KINDS.items():
        copies = [prefix for prefix in cache.prefixes() if prefix.startswith(f"{kind}/")]
        gone = _without_row(model, {prefix.split("/")[1] for prefix in copies})
        for prefix in copies:
            if prefix.split("/")[1] in gone:
                cache.forget(prefix)


def _remove_from_storage(before: float) -> None:
    for kind, model in KINDS.items():
        stored = files.stored(kind)
        old = {name for name, inside in stored.items() if max(inside.values()) < before}
        for name in _without_row(model, old) | {name for name in old if name.startswith(PARTIAL)}:
            logger.info("removing files without a row: %s/%s", kind, name)
            files.remove(f"{kind}/{name}")
        if model is not DataFile:
            _remove_lost_attempts(cast("type[Run | ScoringJob]", model), stored, before)


def _remove_lost_attempts(
    model: type[Run | ScoringJob], stored: Mapping[str, Mapping[str, float]], before: float
) -> None:
    """Remove what workers left in the folders of runs that have ended without them."""
    ids = [found for name in stored if (found := _id(name))]
    ended = model.objects.exclude(state__in=OPEN_STATES).filter(pk__in=ids)
    for run in ended.only("attempts", "state"):
        for child, changed in stored[str(run.pk)].items():
            if child and changed < before and child not in run.kept_names:
                logger.info("removing what a lost worker left: %s/%s", run.prefix, child)
                files.remove(f"{run.prefix}/{child}")


def _old(folder: Path, before: float) -> list[Path]:
    return [path for path in folder.glob("*") if _touched(path) < before]


def _touched(path: Path) -> float:
    """Return when anything in a file or folder last changed; one that vanished counts as new."""
    try:
        return last_change(path)
    except FileNotFoundError:
        return time.time()


def _without_row(model: type[DataFile | Run | ScoringJob], names: Iterable[str]) -> set[str]:
    """Return those names that are ids of no row; what is no id is not of this service."""
    ids = {name: found for name in names if (found := _id(name)) is not None}
    known = set(model.objects.filter(pk__in=ids.values()).values_list("pk", flat=True))
    return {name for name, found in ids.items() if found not in known}


def _id(name: str) -> UUID | None:
    try:
        return UUID(name)
    except ValueError:
        return None
