"""Files that no one will ask for again: of uploads and conversions that a crash or a stop cut off."""

import logging
import time
from collections.abc import Iterable
from pathlib import Path
from uuid import UUID

from django.conf import settings

from workflows.files import remove_folder
from workflows.models import DataFile, Run

logger = logging.getLogger(__name__)


def remove_leftovers() -> None:
    """Remove what was not touched for `LEFTOVER_SECONDS` and belongs to no row; what is in use is younger."""
    before = time.time() - settings.LEFTOVER_SECONDS
    files = Path(settings.FILES_ROOT)
    for path in _old(files / "incoming", before):
        logger.info("removing the rest of an upload: %s", path.name)
        path.unlink(missing_ok=True)
    for path in _old(Path(settings.JOBS_ROOT), before):
        remove_folder(path)
    for model, folder in ((DataFile, files / "uploads"), (Run, files / "runs")):
        for path in _without_row(model, _old(folder, before)):
            logger.info("removing files without a row: %s/%s", folder.name, path.name)
            remove_folder(path)


def _old(folder: Path, before: float) -> list[Path]:
    return [path for path in folder.glob("*") if _touched(path) < before]


def _touched(path: Path) -> float:
    """Return when anything in a file or folder last changed; one that vanished counts as new."""
    try:
        return max(p.stat().st_mtime for p in (path, *path.rglob("*")))
    except FileNotFoundError:
        return time.time()


def _without_row(model: type[DataFile | Run], paths: Iterable[Path]) -> list[Path]:
    by_id = {id_of_folder: path for path in paths if (id_of_folder := _id(path)) is not None}
    known = set(model.objects.filter(pk__in=by_id).values_list("pk", flat=True))
    return [path for id_of_folder, path in by_id.items() if id_of_folder not in known]


def _id(folder: Path) -> UUID | None:
    try:
        return UUID(folder.name)
    except ValueError:
        return None  # not of this service
