"""Conversion of an uploaded CSV file to typed Parquet, in a child process."""

import logging
import tempfile
import threading
from pathlib import Path
from typing import Any

from django.conf import settings

from algorithms.jobs import ConvertJob
from workflows.errors import DiskFull, Unavailable, Unprocessable
from workflows.execution.child import Child
from workflows.execution.memory import MemoryLimit

logger = logging.getLogger(__name__)

# Fifty uploads at once must not start fifty children.
_slots = threading.BoundedSemaphore(settings.CONVERSIONS_AT_ONCE)


def convert_csv(source: Path, parquet: Path, *, encoding: str | None, delimiter: str | None) -> dict[str, Any]:
    """Convert one file and return what was found: rows, columns, sha256, size, encoding, delimiter, notices.

    Raises:
        Unprocessable: the file cannot be read as a table, or takes too much memory.
        DiskFull: there is no room for the table.
        Unavailable: the child ended without a word.
    """
    job = ConvertJob(
        source=source,
        parquet=parquet,
        encoding=encoding,
        delimiter=delimiter,
        max_columns=settings.MAX_COLUMNS,
        max_cell_bytes=settings.MAX_CELL_BYTES,
    )
    root = Path(settings.JOBS_ROOT)
    root.mkdir(parents=True, exist_ok=True)
    with _slots, tempfile.TemporaryDirectory(prefix="convert-", dir=root) as name:
        folder = Path(name)
        job.write(folder)
        with Child("convert", folder, folder / "convert.log", memory=_memory_limit()) as child:
            while not child.wait(1):
                pass
            events = list(child.poll_events())
        log = (folder / "convert.log").read_text(errors="replace")
    last = events[-1] if events else {}
    if last.get("event") == "finished":
        return last
    if last.get("event") == "failed" and last.get("kind") == "data":
        raise Unprocessable(last["error"], last.get("errors") or {})
    if last.get("event") == "failed" and last.get("kind") == "disk":
        raise DiskFull
    if child.stopped_for_memory is not None:
        raise Unprocessable(f"reading the file was {child.stopped_for_memory}")
    logger.error("conversion failed: %s\n%s", last.get("error") or child.describe_end(), log[-2000:])
    raise Unavailable("the file could not be read just now, nothing was stored; the service's log says why")


def _memory_limit() -> MemoryLimit:
    return MemoryLimit(
        settings.CONVERSION_MEMORY_LIMIT,
        setting="NNSERVICE_CONVERSION_MEMORY_MB",
        remedy="split the file or leave out columns",
    )
