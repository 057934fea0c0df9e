"""A backup brought into an empty installation, whatever its database and storage are."""

import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone

from workflows import files
from workflows.errors import Conflict, Damaged, Invalid, in_words
from workflows.models import Network, Run, RunState, ScoringJob
from workflows.operations.backup import FILES, FORMAT, MANIFEST, ROWS, applied_migrations


def restore(source: Path) -> dict[str, Any]:
    """Bring a backup into this installation, which must be empty and migrated; return the manifest.

    Every digest is checked before anything is written; what was `damaged` when the backup was made comes back so. Runs
    that were queued or running are queued; they begin anew.

    Raises:
        Invalid: the folder is no backup, or one of a later release.
        Conflict: the installation holds networks or users already.
        Damaged: a file is missing or its digest does not hold; nothing was restored.
    """
    manifest = read_manifest(source)
    _require_empty()
    _require_known_migrations(manifest)
    verify(source, manifest)
    published: list[str] = []
    try:
        with transaction.atomic():
            Group.objects.all().delete()  # a migration makes them, with keys of its own
            call_command("loaddata", str(source / ROWS), verbosity=0)
            Run.objects.filter(state=RunState.RUNNING).update(state=RunState.QUEUED, progress={}, worker="")
            Run.objects.filter(state=RunState.QUEUED).update(enqueued=None)  # the sweeper sends them
            ScoringJob.objects.open().update(
                state=RunState.FAILED,
                finished=timezone.now(),
                error="it was open when the backup was made, which has no file that was not scored: send it again",
            )
            for prefix, names in _by_prefix(manifest["files"]).items():
                published.append(prefix)
                _publish(source / FILES, prefix, names)
    except BaseException:
        for prefix in published:
            files.remove(prefix)
        raise
    return manifest


def read_manifest(source: Path) -> dict[str, Any]:
    """Return the manifest of a backup; raise Invalid if there is none of this format."""
    try:
        manifest: dict[str, Any] = json.loads((source / MANIFEST).read_text())
        if manifest["format"] != FORMAT:
            raise Invalid(f"{source} is a backup of format {manifest['format']}; this release reads {FORMAT}")
    except (OSError, ValueError, KeyError) as error:
        raise Invalid(f"{source} is no backup: {MANIFEST} cannot be read ({error})") from error
    return manifest


def verify(source: Path, manifest: Mapping[str, Any]) -> None:
    """Check the digest of every file of a backup; raise Damaged naming those that do not hold."""
    wrong: dict[str, list[str]] = {}
    for name, sha256 in _digests(manifest):
        path = source / name
        if ".." in PurePosixPath(name).parts or PurePosixPath(name).is_absolute():
            raise Invalid(f"the backup names a file outside of it: {name}")
        if not path.is_file():
            wrong[name] = ["missing"]
        elif _digest(path) != sha256:
            wrong[name] = ["changed since the backup was made"]
    if wrong:
        raise Damaged(f"the backup is damaged, nothing was restored: {in_words(dict(list(wrong.items())[:5]))}", wrong)


def _digests(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield ROWS, manifest["rows"]["sha256"]
    for name, told in manifest["files"].items():
        yield f"{FILES}/{name}", told["sha256"]


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _require_empty() -> None:
    found = [name for name, model in (("networks", Network), ("users", User)) if model.objects.exists()]
    if found:
        raise Conflict(f"this installation holds {' and '.join(found)} already: restore into an empty one")


def _require_known_migrations(manifest: Mapping[str, Any]) -> None:
    unknown = sorted(set(manifest["migrations"]) - set(applied_migrations()))
    if unknown:
        raise Invalid(
            f"the backup is of release {manifest['release']}, whose database has {', '.join(unknown[:3])}: "
            "run `manage.py migrate`, or install that release or a later one"
        )


def _by_prefix(named: Iterable[str]) -> dict[str, list[str]]:
    """Return the files by the folder that was published whole; a log is one by itself."""
    folders: dict[str, list[str]] = {}
    for name in named:
        kind, key, *rest = PurePosixPath(name).parts
        alone = kind == files.RUNS and len(rest) == 1
        prefix = name if alone else f"{kind}/{key}" if kind == files.UPLOADS else f"{kind}/{key}/{rest[0]}"
        folders.setdefault(prefix, []).append(name)
    return folders


def _publish(root: Path, prefix: str, names: Sequence[str]) -> None:
    work = Path(settings.JOBS_ROOT)
    work.mkdir(parents=True, exist_ok=True)
    if list(names) == [prefix]:
        _put_log(root / prefix, prefix, work)
        return
    with tempfile.TemporaryDirectory(prefix="restore-", dir=work) as folder:
        whole = Path(folder) / "whole"
        for name in names:
            copy = whole / PurePosixPath(name).relative_to(prefix)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(root / name, copy)
        files.publish(whole, prefix)


def _put_log(source: Path, key: str, work: Path) -> None:
    path = files.open_log(key, work)
    shutil.copyfile(source, path)
    files.put_log(path, key)
    if path.parent == work:
        path.unlink()
