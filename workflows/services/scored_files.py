"""The files of a folder that is scored, and what the workers report of each.

The folders are shared by all workers, and what lies there is the truth: a target that is not older than its source is
finished, whoever was told to make it. Reports are for those who wait and look.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.conf import settings

REPORTS = "_nnservice"
"""Readers of a folder of Parquet files pass over names that begin like this."""


class FileState(StrEnum):
    """waiting → running → finished | failed; a running file of which nothing was heard for a minute is lost."""

    WAITING = "waiting"
    RUNNING = "running"
    LOST = "lost"
    FINISHED = "finished"
    FAILED = "failed"


@dataclass(frozen=True)
class ScoredFile:
    """One file below the source folder, by its name there, and its counterpart below the target folder."""

    source_folder: Path
    target_folder: Path
    name: str

    @property
    def source(self) -> Path:
        """The rows."""
        return self.source_folder / self.name

    @property
    def target(self) -> Path:
        """The rows with their scores; whole if it is there."""
        return self.target_folder / self.name

    @property
    def state(self) -> FileState:
        """What is known of it now."""
        if self.is_finished():
            return FileState.FINISHED
        report = self.read_report()
        if report.get("state") == FileState.FAILED:
            return FileState.FAILED
        if report.get("state") != FileState.RUNNING:
            return FileState.WAITING
        return FileState.RUNNING if self._heard_of_lately() else FileState.LOST

    def is_finished(self) -> bool:
        """Tell whether the target is there and not older than the source."""
        try:
            return self.target.stat().st_mtime >= self.source.stat().st_mtime
        except FileNotFoundError:
            return False

    def read_report(self) -> dict[str, Any]:
        """Return the last report: state, rows, and with it anomalies or error; empty without one."""
        try:
            report: dict[str, Any] = json.loads(self._report.read_text())
        except FileNotFoundError:
            return {}
        return report

    def write_report(self, state: FileState, **fields: Any) -> None:
        """Replace the report."""
        self._report.parent.mkdir(parents=True, exist_ok=True)
        partial = self._report.with_name(f".{uuid4().hex}.part")
        partial.write_text(json.dumps({"state": state, **fields}))
        partial.replace(self._report)

    def remove_report(self) -> None:
        """Forget what was reported: the file waits again."""
        self._report.unlink(missing_ok=True)

    @property
    def _report(self) -> Path:
        return self.target_folder / REPORTS / f"{self.name}.json"

    def _heard_of_lately(self) -> bool:
        try:
            return time.time() - self._report.stat().st_mtime < settings.HEARTBEAT_LOST_SECONDS
        except FileNotFoundError:
            return False


def files_below(source: Path, target: Path) -> Iterator[ScoredFile]:
    """Yield the Parquet files below a folder by name; what begins with a dot or an underscore is no data."""
    for path in sorted(source.rglob("*.parquet")):
        name = path.relative_to(source)
        if path.is_file() and not any(part.startswith((".", "_")) for part in name.parts):
            yield ScoredFile(source, target, str(name))
