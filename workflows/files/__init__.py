"""Where uploads, models and logs are kept: in a folder, or in an S3 bucket (STORAGE_URL), behind one set of functions.

Work is done in folders of this machine and published when it is done. Prefixes and keys are `uploads/<id>`,
`runs/<id>/artifact-<n>`, `runs/<id>/checkpoint` (folders, published whole or not at all), `runs/<id>/run.log` (a file
that grows), and those of scoring jobs, `scored/<id>/…`, likewise. Functions raise `Unavailable` when a bucket cannot be
reached and `Damaged` when what is stored is missing or is not what was written.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, cast

from django.conf import settings
from django.core.files.storage import FileSystemStorage, default_storage

from workflows.errors import Unavailable
from workflows.files.cache import Cache
from workflows.files.local import LocalFiles

if TYPE_CHECKING:
    from workflows.files.bucket import Bucket
    from workflows.files.remote import RemoteFiles

logger = logging.getLogger(__name__)

UPLOADS, RUNS, SCORED = "uploads", "runs", "scored"


def publish(folder: Path, prefix: str, *, changing: bool = False, check: Callable[[], None] = lambda: None) -> None:
    """Move a folder of finished files to the storage: it is there whole or not at all, and gone from here.

    In a folder on the same disk it is one rename. What was published there before gives way. `changing`: it will be
    published again with other files, so readers ask each time. `check` is called now and then while bytes are copied;
    what it raises ends the publication, of which nothing is left then.
    """
    _files().publish(folder, prefix, changing=changing, check=check)


def local_copy(prefix: str, *patterns: str, check: Callable[[], None] = lambda: None) -> AbstractContextManager[Path]:
    """Give the folder with the published files, of which at least those that match a pattern (default: all) are there.

    A local storage gives the folder itself; from a bucket, files are fetched into the cache, their digests checked, and
    stay there at least until the block ends. A file that matches nothing is no error. `check` as in `publish`.
    """
    return _files().local_copy(prefix, patterns, check)


def forget_copy(prefix: str) -> None:
    """Remove the copy of a bucket's files from the cache: it was found damaged here, and is fetched anew."""
    cache().forget(prefix)


def stream(prefix: str, name: str) -> Iterator[bytes]:
    """Yield the bytes of one published file; Damaged is raised after the last if their digest does not hold."""
    return _files().stream(prefix, name)


def names(prefix: str) -> list[str]:
    """Return the names of the files published under a prefix; none if nothing is."""
    return _files().names(prefix)


def open_log(key: str, work: Path) -> Path:
    """Return the file to append to: the stored one, or one in the folder `work` that begins with what is stored."""
    return _files().open_log(key, work)


def put_log(path: Path, key: str) -> None:
    """Store what `open_log` gave as it is now."""
    _files().put_log(path, key)


def size(key: str) -> int | None:
    """Return the bytes of a single file; None if there is none."""
    return _files().size(key)


def read(key: str, start: int, stop: int) -> bytes:
    """Return some bytes of a single file."""
    return _files().read(key, start, stop)


def remove(prefix: str) -> None:
    """Remove a folder or a file. What cannot be removed is logged; the sweep of leftovers tries again."""
    _files().remove(prefix)


def stored(kind: str) -> Mapping[str, Mapping[str, float]]:
    """Return what is stored under `kind` (UPLOADS, RUNS or SCORED): id → name of a file or folder → its last change.

    Times are those of the storage, in seconds since 1970; the name "" stands for the folder itself.
    """
    return _files().stored(kind)


def sizes(kind: str) -> Mapping[str, int]:
    """Return how many bytes are stored under `kind` (UPLOADS, RUNS or SCORED), by id."""
    return _files().sizes(kind)


def keep_only(prefix: str, kept: set[str]) -> None:
    """Remove what lies under a prefix (`runs/<id>`) but the files and folders of these names; as `remove` otherwise."""
    try:
        found = _files().children(prefix)
    except Unavailable as error:
        logger.warning("could not look for what is left of %s: %s", prefix, error)
        return
    for child in found - kept:
        remove(f"{prefix}/{child}")


def remove_unfinished(before: float) -> None:
    """Remove what publications that were cut off before a time left in the storage, where nothing lists it."""
    _files().remove_unfinished(before)


def check_writable() -> float:
    """Write something and remove it, and tell when that was by the clock of the storage, in seconds since 1970.

    Raises:
        OSError, Unavailable: the storage does not take it.
    """
    return _files().check()


def make_bucket() -> bool:
    """Make the bucket unless it is there; tell whether it was made. A storage in a folder needs none."""
    return not is_local() and cast("Bucket", default_storage).make_bucket()


def cache() -> Cache:
    """Return the copies on this machine of what a bucket holds."""
    return Cache(Path(settings.CACHE_ROOT), settings.CACHE_BYTES)


def is_local() -> bool:
    """Tell whether files lie in a folder that every host mounts, rather than in a bucket."""
    return isinstance(default_storage, FileSystemStorage)


def _files() -> "LocalFiles | RemoteFiles":
    if isinstance(default_storage, FileSystemStorage):
        return LocalFiles(Path(default_storage.location))
    from workflows.files.remote import RemoteFiles  # boto3 takes a tenth of a second: only who has a bucket pays

    return RemoteFiles(cast("Bucket", default_storage), cache())
