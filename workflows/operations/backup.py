"""A backup of everything, taken while the service runs: the rows of one moment, and the files that they name.

A folder: `backup.json` (release, migrations, digest and size of every file), `rows.jsonl.gz` (Django's own format, so
that SQLite's rows go into PostgreSQL and back), `files/` under the names of the storage. Published files never change
and a row is written after its files, so files copied after the rows were read are those of the rows. Sessions and
heartbeats are left out; the secret key is not in the database.
"""

import hashlib
import json
import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from nnservice import __version__
from workflows import files
from workflows.errors import Conflict, Damaged, Invalid
from workflows.files.local import remove_folder
from workflows.models import DataFile, Run, RunState

logger = logging.getLogger(__name__)

FORMAT = 1
MANIFEST, ROWS, FILES = "backup.json", "rows.jsonl.gz", "files"
LEFT_OUT = ("contenttypes", "sessions", "admin.logentry", "auth.permission", "workflows.workerbeat")
ATTEMPTS = 5


class Vanished(Exception):
    """Files of a row are gone: it was deleted since the rows were read."""


def back_up(target: Path) -> dict[str, Any]:
    """Write a backup into a folder that does not exist yet; return its manifest.

    Raises:
        Invalid: there is something already.
        Conflict: so much is deleted meanwhile that no moment could be caught.
        Damaged: files that a row names are missing or are not what was stored.
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
    copied: dict[str, dict[str, Any]] = {}
    for _ in range(ATTEMPTS):
        with _snapshot():
            _write_rows(folder / ROWS)
            migrations = applied_migrations()
            wanted = list(_prefixes())
            logs = [run.log_key for run in Run.objects.only("id")]
        try:
            kept = dict(_copy(folder / FILES, wanted, copied))
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


def _prefixes() -> Iterator[tuple[type[DataFile] | type[Run], Any, str]]:
    """Yield the model and key of each row with published files, and where these are."""
    for data_file in DataFile.objects.only("id"):
        yield DataFile, data_file.pk, data_file.prefix
    for run in Run.objects.filter(state=RunState.SUCCEEDED).only("id", "attempts"):
        yield Run, run.pk, run.artifact_prefix


def _copy(
    root: Path, wanted: Iterable[tuple[type[DataFile] | type[Run], Any, str]], copied: dict[str, dict[str, Any]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Copy what is not copied yet; yield every file with what the manifest says of it."""
    for model, key, prefix in wanted:
        try:
            names = _published(prefix)
            for name in names:
                path = f"{prefix}/{name}"
                if path not in copied:
                    copied[path] = _write(root / path, files.stream(prefix, name))
        except Damaged as error:
            if not model.objects.filter(pk=key).exists():
                raise Vanished from error
            raise
        yield from ((f"{prefix}/{name}", copied[f"{prefix}/{name}"]) for name in names)


def _published(prefix: str) -> list[str]:
    names = files.names(prefix)
    if not names:
        raise Damaged(f"the stored files {prefix} are missing")
    return names


def _copy_logs(root: Path, keys: Iterable[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Copy logs as they are now; a run that never began has none, and one that was deleted needs none."""
    for key in keys:
        size = files.size(key)
        if size is not None:
            yield key, _write(root / key, [files.read(key, 0, size)])


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
