"""The files of a folder that is scored, and what is reported of each.

The target folder is shared by all workers, and the reports in it are the truth: a worker takes a file whose report says
`queued`, whatever a message says. Times are those of the disk that the folder lies on, so that no clocks of two hosts
are compared.
"""

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import uuid4

REPORTS = "_nnservice"
"""Readers of a folder of Parquet files pass over names that begin like this."""

Stamp = tuple[int, int]
"""Size in bytes and time of the last change in nanoseconds: another stamp, another content."""


class FileState(StrEnum):
    """absent → queued → running → finished | failed; absent again when the source changes after it was scored."""

    ABSENT = "absent"
    QUEUED = "queued"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"


@dataclass(frozen=True)
class Report:
    """What is known of a file; `source` is the stamp of the rows that were scored, `written` when it was reported."""

    state: FileState = FileState.ABSENT
    rows: int = 0
    anomalies: int = 0
    changed: Mapping[str, int] = field(default_factory=dict)
    error: str = ""
    source: Stamp | None = None
    written: float = 0.0


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
        return self.read_report().state

    def read_report(self) -> Report:
        """Return the last report; an empty one if there is none, or if it tells of scores that are not these rows'."""
        try:
            with self._report.open() as file:  # opened: a file server's client then asks for what is there now
                stored, written = json.load(file), os.fstat(file.fileno()).st_mtime
        except FileNotFoundError:
            return Report()
        stamp = None if stored["source"] is None else tuple(stored["source"])
        report = Report(**stored | {"state": FileState(stored["state"]), "source": stamp, "written": written})
        if report.state == FileState.FINISHED and not (self.target.exists() and self.stamp() == report.source):
            return Report()
        return report

    def write_report(self, state: FileState, **fields: Any) -> None:
        """Replace the report."""
        self._report.parent.mkdir(parents=True, exist_ok=True)
        stored = asdict(Report(state, **fields))
        del stored["written"]
        partial = self._report.with_name(f".{uuid4().hex}.part")
        partial.write_text(json.dumps(stored))
        partial.replace(self._report)

    def remove_report(self) -> None:
        """Forget what was reported."""
        self._report.unlink(missing_ok=True)

    def stamp(self) -> Stamp | None:
        """Return what tells the rows from others; None without a source."""
        try:
            found = self.source.stat()
        except FileNotFoundError:
            return None
        return found.st_size, found.st_mtime_ns

    @property
    def _report(self) -> Path:
        return self.target_folder / REPORTS / f"{self.name}.json"


def disk_time(folder: Path) -> float:
    """Return the time by the clock that stamps the files of a folder: the file server's, where there is one."""
    with tempfile.NamedTemporaryFile(prefix=".", suffix=".part", dir=folder) as file:
        return os.fstat(file.fileno()).st_mtime


def files_below(source: Path, target: Path) -> tuple[list[ScoredFile], int]:
    """Return the Parquet files below a folder by name, and how many other files and links to folders there are.

    What begins with a dot or an underscore is no data, and not counted.
    """
    found, others = [], 0
    for path in sorted(source.rglob("*")):
        name = path.relative_to(source)
        if any(part.startswith((".", "_")) for part in name.parts):
            continue
        if path.suffix == ".parquet" and path.is_file():
            found.append(ScoredFile(source, target, str(name)))
        else:
            others += path.is_file() or path.is_symlink()
    return found, others
