"""A backup of everything, taken while the service runs: the rows of one moment, and the files that they name.

A folder: `backup.json` (release, migrations, digest and size of every file), `rows.jsonl.gz` (Django's own format, so
that SQLite's rows go into PostgreSQL and back), `files/` under the names of the storage. Published files never change
and a row is written after its files, so files copied after the rows were read are those of the rows; what is missing of
them, by the row or by the artifact's manifest, was removed since, or is damaged. What is damaged is copied as it is and
told by the manifest: one rotten file is no reason to have no backup. Sessions and heartbeats are left out; the secret
key is not in the database.
"""

import hashlib
import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from algorithms import artifacts
from nnservice import __version__
from workflows import files
from workflows.errors import Conflict, Damaged, Invalid
from workflows.files.local import remove_folder
from workflows.models import DataFile, Run, RunState, ScoringJob
from workflows.models.node import SOURCE, TABLE

logger = logging.getLogger(__name__)

FORMAT = 1
MANIFEST, ROWS, FILES = "backup.json", "rows.jsonl.gz", "files"
LEFT_OUT = ("contenttypes", "sessions", "admin.logentry", "auth.permission", "workflows.workerbeat")
ATTEMPTS = 5


class Vanished(Exception):
    """Files of a row are gone: it was deleted since the rows were read."""


def back_up(target: Path) -> dict[str, Any]:
    """Write a backup into a folder that does not exist yet; return its manifest: `damaged` says what was, and why.

    Raises:
        Invalid: there is something already.
        Conflict: so much is deleted meanwhile that no moment could be caught.
    """
    if target.exists():
        raise Invalid(f"{target} exists already: name a folder that does not", {"folder": ["exists already"]})
    partial = target.with_name(f".{target.name}.part-{os.getpid()}")
    partial.mkdir(mode=0o700, parents=True)
    try:
        manifest = _fill(partial)
        (partial / MANIFEST).write_text(json.dumps(manifest, indent=1))
        _sync(partial)
        partial.rename(target)
    except BaseException:
        remove_folder(partial)
        raise
    return manifest


def _fill(folder: Path) -> dict[str, Any]:
    copies = Copies(folder / FILES)
    for _ in range(ATTEMPTS):
        with _snapshot():
            _write_rows(folder / ROWS)
            migrations = applied_migrations()
            wanted = list(_wanted())
            logs = [job.log_key for model in (Run, ScoringJob) for job in model.objects.only("id")]
        try:
            kept, damaged = copies.of(wanted)
        except Vanished:
            logger.info("rows were deleted while they were backed up; the rows are read again")
            continue
        _remove_others(folder / FILES, set(kept))
        kept |= dict(_copy_logs(folder / FILES, logs))
        return {
            "format": FORMAT,
            "release": __version__,
            "made": timezone.now().isoformat(timespec="seconds"),
            "migrations": migrations,
            "rows": {"sha256": _digest(folder / ROWS)},
            "files": kept,
            "damaged": damaged,
        }
    raise Conflict("networks, files or runs were deleted again and again while the backup was made; try again")


@contextmanager
def _snapshot() -> Iterator[None]:
    """See the rows as they are now, whatever changes meanwhile; nobody is kept waiting by it."""
    connection.ensure_connection()
    if connection.vendor == "sqlite":
        sqlite: Any = connection
        usual = sqlite.transaction_mode
        sqlite.transaction_mode = "DEFERRED"  # with WAL, a reader keeps its view while others write
        try:
            with transaction.atomic(durable=True):
                yield
        finally:
            sqlite.transaction_mode = usual
    else:
        with transaction.atomic(durable=True):
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield


def _write_rows(path: Path) -> None:
    path.unlink(missing_ok=True)
    call_command(
        "dumpdata",
        format="jsonl",
        exclude=list(LEFT_OUT),
        use_natural_foreign_keys=True,
        output=str(path),
        verbosity=0,
    )


def applied_migrations() -> list[str]:
    """Return the names of the migrations that the database has."""
    return sorted(f"{app}.{name}" for app, name in MigrationRecorder(connection).applied_migrations())


@dataclass(frozen=True)
class Wanted:
    """A row with published files: where these are, and the digest of an upload as it came."""

    model: type[DataFile] | type[Run] | type[ScoringJob]
    key: UUID
    prefix: str
    source_sha256: str | None = None

    def expected(self, root: Path) -> Mapping[str, str | None]:
        """Return the names of the files with their digests, as the row or the copied manifest of the artifact says.

        Raises:
            Damaged: there is no such manifest.
        """
        if self.model is DataFile:
            return {SOURCE: self.source_sha256, TABLE: None}  # of the typed copy nobody took a digest
        return _digests_of_artifact(root / self.prefix)


def _digests_of_artifact(folder: Path) -> Mapping[str, str]:
    try:
        return dict(json.loads((folder / artifacts.MANIFEST).read_text())["files"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        why = "missing" if isinstance(error, FileNotFoundError) else f"cannot be read: {error}"
        raise Damaged(f"the list of this model's files: {why}") from error


def _wanted() -> Iterator[Wanted]:
    for data_file in DataFile.objects.only("id", "sha256"):
        yield Wanted(DataFile, data_file.pk, data_file.prefix, data_file.sha256)
    for run in Run.objects.filter(state=RunState.SUCCEEDED).only("id", "attempts"):
        yield Wanted(Run, run.pk, run.artifact_prefix)
    for job in ScoringJob.objects.filter(state=RunState.SUCCEEDED).only("id", "attempts"):
        yield Wanted(ScoringJob, job.pk, job.artifact_prefix)


class Copies:
    """The copies of stored files: each is made once, however often the rows are read."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._made: dict[str, dict[str, Any]] = {}
        self._unreadable: dict[str, str] = {}

    def of(self, wanted: Iterable[Wanted]) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
        """Return every file of the rows with what the manifest says of it, and what of them is damaged, and why.

        Raises:
            Vanished: files are gone, and their row is too.
        """
        kept: dict[str, dict[str, Any]] = {}
        damaged: dict[str, str] = {}
        for row in wanted:
            paths = [f"{row.prefix}/{name}" for name in files.names(row.prefix)]
            for path in paths:
                self._make(row.prefix, path)
            wrong = self._wrong(row, paths)
            if wrong and not row.model.objects.filter(pk=row.key).exists():
                raise Vanished
            damaged |= wrong
            kept |= {path: self._made[path] for path in paths if path in self._made}
        return kept, damaged

    def _make(self, prefix: str, path: str) -> None:
        if path not in self._made and path not in self._unreadable:
            self._made[path] = _write(self._root / path, self._readable(prefix, path))
            if path in self._unreadable and not self._made[path]["size"]:
                del self._made[path]

    def _readable(self, prefix: str, path: str) -> Iterator[bytes]:
        """Yield what can be read of a file, and remember why it ends."""
        try:
            yield from files.stream(prefix, path.removeprefix(f"{prefix}/"))
        except (Damaged, OSError) as error:
            self._unreadable[path] = str(error)

    def _wrong(self, row: Wanted, paths: Iterable[str]) -> dict[str, str]:
        wrong = {path: self._unreadable[path] for path in paths if path in self._unreadable}
        try:
            expected = row.expected(self._root)
        except Damaged as error:
            return {f"{row.prefix}/{artifacts.MANIFEST}": error.message} | wrong
        for name, sha256 in expected.items():
            path = f"{row.prefix}/{name}"
            if path in wrong:
                continue
            if path not in self._made:
                wrong[path] = "missing"
            elif sha256 not in (None, self._made[path]["sha256"]):
                wrong[path] = "not the one that was written (sha256 differs)"
        return wrong


def _copy_logs(root: Path, keys: Iterable[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Copy logs as they are now; a run that never began has none, and one that was deleted needs none."""
    for key in keys:
        try:
            size = files.size(key)
            content = None if size is None else files.read(key, 0, size)
        except FileNotFoundError:  # deleted in between
            content = None
        if content is not None:
            yield key, _write(root / key, [content])


def _write(path: Path, chunks: Iterable[bytes]) -> dict[str, Any]:
    path.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with path.open("wb") as file:
        for chunk in chunks:
            file.write(chunk)
            digest.update(chunk)
            size += len(chunk)
    return {"sha256": digest.hexdigest(), "size": size}


def _remove_others(root: Path, kept: set[str]) -> None:
    """Remove the copies of files whose row was deleted since an earlier look."""
    for path in root.rglob("*"):
        if path.is_file() and path.relative_to(root).as_posix() not in kept:
            path.unlink()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(folder: Path) -> None:
    for path in (*folder.rglob("*"), folder):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
