"""Digests of artifacts: a file is read once by each process before it is served, and again when it changes."""

import threading
from collections import OrderedDict
from fnmatch import fnmatchcase
from pathlib import Path

from algorithms.artifacts import verify_artifact
from algorithms.errors import ArtifactError
from workflows.errors import Damaged

REMEMBERED = 10_000

Stamp = tuple[str, int, int, int]
"""Path, inode, bytes and time of the last change in nanoseconds: another stamp, another content."""

_lock = threading.Lock()
_intact: OrderedDict[Stamp, None] = OrderedDict()


def require_intact(artifact: Path, pattern: str) -> None:
    """Check the files of an artifact whose names match.

    Raises:
        Damaged: one is missing or is not the file that was written.
    """
    try:
        listed = verify_artifact(artifact, ())["files"]
        for name in listed:
            if fnmatchcase(name, pattern):
                _require_intact(artifact, name)
    except ArtifactError as error:
        raise Damaged(str(error)) from error


def _require_intact(artifact: Path, name: str) -> None:
    try:
        found = (artifact / name).stat()
    except FileNotFoundError:
        found = None  # the check says so
    stamp = None if found is None else (str(artifact / name), found.st_ino, found.st_size, found.st_mtime_ns)
    with _lock:
        if stamp in _intact:
            return
    verify_artifact(artifact, [name])
    if stamp is not None:
        with _lock:
            _intact[stamp] = None
            while len(_intact) > REMEMBERED:
                _intact.popitem(last=False)
