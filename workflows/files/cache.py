"""Copies on this machine of files that are kept elsewhere; those not used for longest go when room is needed.

An entry is a folder for each published prefix. Who uses one holds a shared lock on its folder, which the kernel takes
back however a process ends; only an entry that nobody holds is removed. Files are fetched under a lock of their own, so
that two processes do not fetch the same.
"""

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from workflows.files.listing import LISTING, Listing
from workflows.files.local import PARTIAL, remove_folder

logger = logging.getLogger(__name__)

SEPARATOR = "~"
"""Stands for the slash in the name of an entry; no prefix has it."""


class Entry:
    """The copy of one prefix: its listing as last read, and those of its files that were asked for."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def content(self) -> Path:
        """Where the files are: a folder of the name it has in the storage, which messages about it name."""
        return _content(self._path)

    def listing(self) -> Listing | None:
        """Return the listing that was kept; None before the first, or when it was cut short."""
        try:
            return Listing.model_validate_json((self._path / LISTING).read_bytes())
        except (FileNotFoundError, ValueError):
            return None

    def keep(self, listing: Listing) -> None:
        """Keep a listing; files of an earlier one that are not the same go."""
        for name, file in getattr(self.listing(), "files", {}).items():
            if listing.files.get(name) != file:
                (self.content / name).unlink(missing_ok=True)
        partial = self._path / f"{PARTIAL}{uuid4().hex}"
        partial.write_text(listing.model_dump_json())
        partial.replace(self._path / LISTING)

    @contextmanager
    def fetching(self) -> Iterator[None]:
        """Let one process at a time fetch files."""
        descriptor = os.open(self._path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


class Cache:
    """A folder of entries that together take at most `limit` bytes, unless those in use alone take more."""

    def __init__(self, root: Path, limit: int) -> None:
        self._root = root
        self._limit = limit

    @contextmanager
    def hold(self, prefix: str) -> Iterator[Entry]:
        """Give the entry of a prefix, new if need be; it stays until the block ends."""
        path = self._path(prefix)
        descriptor = _lock_shared(path)
        try:
            os.utime(path)
            yield Entry(path)
        finally:
            os.close(descriptor)

    def make_room(self, needed: int) -> None:
        """Remove what was not used for longest until so many bytes fit in, or all that is left is in use."""
        entries = sorted((used, size, path) for path in self._entries() for used, size in _measure(path))
        excess = sum(size for _, size, _ in entries) + needed - self._limit
        for _, size, path in entries:
            if excess <= 0:
                return
            if _drop(path):
                excess -= size

    def forget(self, prefix: str) -> None:
        """Remove the copies of a prefix and of all below it, those in use excepted."""
        name = self._path(prefix).name
        for path in self._entries():
            if path.name == name or path.name.startswith(name + SEPARATOR):
                _drop(path)

    def remove_rests(self) -> None:
        """Remove what processes left that were killed while they removed an entry."""
        for path in self._root.glob(f"{PARTIAL}*"):
            remove_folder(path)

    def prefixes(self) -> list[str]:
        """Return what there are copies of."""
        return [path.name.replace(SEPARATOR, "/") for path in self._entries()]

    def _entries(self) -> list[Path]:
        return [path for path in self._root.glob("*") if not path.name.startswith(PARTIAL)]

    def _path(self, prefix: str) -> Path:
        return self._root / prefix.replace("/", SEPARATOR)


def _content(path: Path) -> Path:
    return path / path.name.rpartition(SEPARATOR)[2]


def _lock_shared(path: Path) -> int:
    while True:
        with suppress(FileNotFoundError):  # it was removed meanwhile
            _content(path).mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_SH)
                if path.stat().st_ino == os.fstat(descriptor).st_ino:
                    return descriptor
            except FileNotFoundError:
                pass
            os.close(descriptor)


def _drop(path: Path) -> bool:
    """Remove an entry unless somebody holds it."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if path.stat().st_ino != os.fstat(descriptor).st_ino:
            return False  # it was removed and made anew meanwhile: the lock is on what is gone
        gone = path.with_name(f"{PARTIAL}{uuid4().hex}")
        path.rename(gone)
        remove_folder(gone)
    except FileNotFoundError:
        return True
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    logger.info("removed the copy of %s", path.name.replace(SEPARATOR, "/"))
    return True


def _measure(path: Path) -> Iterator[tuple[float, int]]:
    """Yield when an entry was last used and its bytes; nothing when it is gone."""
    with suppress(FileNotFoundError):
        yield path.stat().st_mtime, sum(part.stat().st_size for part in path.rglob("*") if part.is_file())
