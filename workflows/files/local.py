"""Files in a folder of this machine, or in one that several machines mount."""

import errno
import logging
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import IO
from uuid import uuid4

from workflows.errors import Damaged
from workflows.files.listing import CHUNK, chunks_of, files_below

logger = logging.getLogger(__name__)

PARTIAL = ".part-"
"""Begins the name of what is not whole yet, or not wanted any more."""
SYNC_BYTES = 64 * CHUNK
"""A file is synced each time so much of it was written: a slow disk takes minutes for gigabytes at once."""


class LocalFiles:
    """A folder; what is published is renamed into it, and read where it lies."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def publish(self, folder: Path, prefix: str, *, changing: bool, check: Callable[[], None]) -> None:
        """Rename a synced folder to its place; from another disk it is copied beside it first."""
        del changing  # every reader looks at the one folder there is
        target = self._root / prefix
        target.parent.mkdir(parents=True, exist_ok=True)
        _sync_all(folder)
        try:
            _put_in_place(folder, target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            self._copy(folder, target, check)
            remove_folder(folder)
        _sync(target.parent)

    def _copy(self, folder: Path, target: Path, check: Callable[[], None]) -> None:
        partial = target.with_name(f"{PARTIAL}{uuid4().hex}")
        try:
            for name, path in files_below(folder).items():
                (partial / name).parent.mkdir(parents=True, exist_ok=True)
                write_synced(partial / name, chunks_of(path), check)
            _sync_all(partial)
            _put_in_place(partial, target)
        except BaseException:
            remove_folder(partial)
            raise

    def local_copy(
        self, prefix: str, patterns: tuple[str, ...], check: Callable[[], None]
    ) -> AbstractContextManager[Path]:
        """Give the folder itself."""
        del patterns, check
        return self._folder(prefix)

    @contextmanager
    def _folder(self, prefix: str) -> Iterator[Path]:
        folder = self._root / prefix
        if not folder.is_dir():
            raise Damaged(f"the stored files {prefix} are missing")
        yield folder

    def stream(self, prefix: str, name: str) -> Iterator[bytes]:
        """Yield the bytes of a file."""
        try:
            yield from chunks_of(self._root / prefix / name)
        except FileNotFoundError:
            raise Damaged(f"the stored file {prefix}/{name} is missing") from None

    def names(self, prefix: str) -> list[str]:
        """Return the names of the files that were published under a prefix."""
        return list(files_below(self._root / prefix))

    def open_log(self, key: str, work: Path) -> Path:
        """Return where the log grows: in its place."""
        del work
        path = self._root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def put_log(self, path: Path, key: str) -> None:
        """Do nothing: it grew in its place."""

    def size(self, key: str) -> int | None:
        """Return the bytes of a single file; None without it."""
        try:
            return (self._root / key).stat().st_size
        except FileNotFoundError:
            return None

    def read(self, key: str, start: int, stop: int) -> bytes:
        """Return some bytes of a single file."""
        with (self._root / key).open("rb") as file:
            file.seek(start)
            return file.read(stop - start)

    def remove(self, prefix: str) -> None:
        """Remove a folder or a file; what cannot be removed is logged and left."""
        remove_path(self._root / prefix)

    def children(self, prefix: str) -> set[str]:
        """Return the names of the files and folders under a prefix."""
        return {path.name for path in self._root.joinpath(prefix).glob("*")}

    def stored(self, kind: str) -> Mapping[str, Mapping[str, float]]:
        """Return what lies under `kind`: id → name of what is in it ("" for itself) → when it last changed."""
        found = {}
        for folder in self._root.joinpath(kind).glob("*"):
            with suppress(FileNotFoundError):
                found[folder.name] = {
                    "": folder.stat().st_mtime,
                    **{path.name: last_change(path) for path in folder.glob("*")},
                }
        return found

    def remove_unfinished(self, before: float) -> None:
        """Do nothing: what is unfinished is listed like everything else."""

    def sizes(self, kind: str) -> Mapping[str, int]:
        """Return the bytes that lie under `kind`, by id."""
        return {folder.name: _bytes_below(folder) for folder in self._root.joinpath(kind).glob("*")}

    def check(self) -> float:
        """Write and remove a file, and tell when that was by the disk's clock; raises OSError when it fails."""
        self._root.mkdir(parents=True, exist_ok=True)
        probe = self._root / f"{PARTIAL}{uuid4().hex}"
        try:
            write_synced(probe, [bytes(4096)])  # an empty file has room on a full disk
            return probe.stat().st_mtime
        finally:
            probe.unlink(missing_ok=True)


def write_synced(path: Path, chunks: Iterable[bytes], check: Callable[[], None] = lambda: None) -> None:
    """Write a file and have it reach the disk; `check` is called between chunks, and never waits long for the disk."""
    with path.open("wb") as file:
        unsynced = 0
        for chunk in chunks:
            unsynced += file.write(chunk)
            if unsynced >= SYNC_BYTES:
                _flush(file)
                unsynced = 0
            check()
        _flush(file)


def _flush(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def remove_path(path: Path) -> None:
    """Remove a file, or a folder with all it holds; what cannot be removed is logged and left."""
    if path.is_dir():
        remove_folder(path)
        return
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        logger.warning("could not remove %s: %s", path, error)


def remove_folder(folder: Path) -> None:
    """Remove a folder with all it holds; one that cannot be removed is logged and left."""
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        pass
    except OSError as error:
        logger.warning("could not remove %s: %s", folder, error)


def last_change(path: Path) -> float:
    """Return when anything in a file or folder last changed, in seconds of the disk's clock."""
    times = [path.stat().st_mtime]
    for part in path.rglob("*"):
        with suppress(FileNotFoundError):
            times.append(part.stat().st_mtime)
    return max(times)


def _bytes_below(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            total += path.stat().st_size if path.is_file() else 0
    return total


def _put_in_place(folder: Path, target: Path) -> None:
    """Rename a folder to its place; what was there before gives way, but stays if that fails."""
    if not target.exists():
        folder.rename(target)
        return
    before = target.with_name(f"{PARTIAL}{uuid4().hex}")
    target.rename(before)
    try:
        folder.rename(target)
    except OSError:
        before.rename(target)
        raise
    remove_folder(before)


def _sync_all(folder: Path) -> None:
    for path in (*folder.rglob("*"), folder):
        _sync(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
