"""Files in a bucket: put there piece by piece with their digests, and copied to this machine when they are used."""

import hashlib
import logging
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from pathlib import Path
from uuid import uuid4

from workflows.errors import Damaged, Unavailable
from workflows.files.bucket import Bucket
from workflows.files.cache import Cache, Entry
from workflows.files.listing import LISTING, Listing, StoredFile, digest_of, files_below
from workflows.files.local import PARTIAL, write_synced

logger = logging.getLogger(__name__)

UNDER_WAY_SECONDS = 600
"""Another publication of the same prefix may be under way; what it put is not older than this for long."""


class RemoteFiles:
    """A bucket and the cache of what was fetched from it.

    A published folder has its objects under a key of its own each time, and its listing is put last and read first: a
    reader finds the files of one publication, and never half of them.
    """

    def __init__(self, bucket: Bucket, cache: Cache) -> None:
        self._bucket = bucket
        self._cache = cache

    def publish(self, folder: Path, prefix: str, *, changing: bool, check: Callable[[], None]) -> None:
        """Put every file, then the listing, and remove the folder; after an error nothing is left of them.

        While the bucket is away nothing can be removed either: the next publication, or the sweep, does it.
        """
        before = None
        if changing:
            with suppress(Damaged):  # it gives way too
                before = self._find_listing(prefix)
        else:
            self._bucket.remove_below(prefix)  # one publisher, and no reader yet: what is there was cut off
        generation = uuid4().hex[:12]
        files: dict[str, StoredFile] = {}
        try:
            for name, path in files_below(folder).items():
                key = f"{prefix}/{generation}/{name}"
                files[name] = StoredFile(key=key, size=path.stat().st_size, sha256=digest_of(path, check))
                self._bucket.put(key, path, check)
            listing = Listing(changing=changing, files=files)
            self._bucket.put_bytes(f"{prefix}/{LISTING}", listing.model_dump_json().encode())
        except Unavailable:
            raise
        except BaseException:
            self.remove(prefix if before is None else f"{prefix}/{generation}")
            raise
        if changing:
            self._remove_earlier(prefix, generation, before)
        shutil.rmtree(folder, ignore_errors=True)

    def _remove_earlier(self, prefix: str, generation: str, before: Listing | None) -> None:
        """Remove what the listing named before, and what publications that were cut off long ago left."""
        named = {file.key for file in before.files.values()} if before is not None else set()
        try:
            for key, changed in self._bucket.listed(f"{prefix}/"):
                ours = key == f"{prefix}/{LISTING}" or key.startswith(f"{prefix}/{generation}/")
                if not ours and (key in named or changed < time.time() - UNDER_WAY_SECONDS):
                    self._bucket.remove_object(key)
        except Unavailable as error:
            logger.warning("could not remove what %s was before: %s", prefix, error)

    @contextmanager
    def local_copy(self, prefix: str, patterns: tuple[str, ...], check: Callable[[], None]) -> Iterator[Path]:
        """Fetch the files that are not here yet, and keep them while the block runs."""
        with self._cache.hold(prefix) as entry:
            kept = entry.listing()
            if kept is None or kept.changing or not _complete(entry, kept, patterns):
                self._fetch(prefix, entry, patterns, check)
            yield entry.content

    def _fetch(self, prefix: str, entry: Entry, patterns: tuple[str, ...], check: Callable[[], None]) -> None:
        listing = self._listing(prefix)
        with entry.fetching():
            if entry.listing() != listing:
                entry.keep(listing)
            missing = {name: file for name, file in _matching(listing, patterns) if not _is_whole(entry, name, file)}
            self._cache.make_room(sum(file.size for file in missing.values()))
            for name, file in missing.items():
                target = entry.content / name
                target.parent.mkdir(parents=True, exist_ok=True)
                partial = target.with_name(f"{PARTIAL}{target.name}")
                try:
                    write_synced(partial, self._verified(name, file), check)
                    partial.replace(target)
                except BaseException:
                    partial.unlink(missing_ok=True)
                    raise

    def stream(self, prefix: str, name: str) -> Iterator[bytes]:
        """Yield the bytes of a file; Damaged comes after the last if they are not those that were put."""
        file = self._listing(prefix).files.get(name)
        if file is None:
            raise Damaged(f"the stored file {prefix}/{name} is missing")
        yield from self._verified(name, file)

    def names(self, prefix: str) -> list[str]:
        """Return the names of the files that were published under a prefix."""
        listing = self._find_listing(prefix)
        return [] if listing is None else list(listing.files)

    def open_log(self, key: str, work: Path) -> Path:
        """Return where the log grows: in the work folder, after what earlier attempts wrote."""
        path = work / Path(key).name
        with path.open("wb") as file:
            try:
                for chunk in self._bucket.chunks(key):
                    file.write(chunk)
            except FileNotFoundError:
                pass
        return path

    def put_log(self, path: Path, key: str) -> None:
        """Put the log as it is now."""
        self._bucket.put_bytes(key, path.read_bytes())

    def size(self, key: str) -> int | None:
        """Return the bytes of a single file; None without it."""
        return self._bucket.size_of(key)

    def read(self, key: str, start: int, stop: int) -> bytes:
        """Return some bytes of a single file."""
        return b"".join(self._bucket.chunks(key, start, stop))

    def remove(self, prefix: str) -> None:
        """Remove a folder or a file, and copies of it here; what cannot be removed is logged and left to the sweep."""
        self._cache.forget(prefix)
        try:
            self._bucket.remove_below(prefix)
        except Unavailable as error:
            logger.warning("could not remove %s: %s", prefix, error)

    def children(self, prefix: str) -> set[str]:
        """Return the names of the files and folders under a prefix."""
        return {key.removeprefix(f"{prefix}/").split("/")[0] for key, _ in self._bucket.listed(f"{prefix}/")}

    def stored(self, kind: str) -> Mapping[str, Mapping[str, float]]:
        """Return what lies under `kind`: id → name of what is in it → when it last changed."""
        found: dict[str, dict[str, float]] = {}
        for key, changed in self._bucket.listed(f"{kind}/"):
            _, name, *rest = key.split("/", 3)
            inside = found.setdefault(name, {})
            child = rest[0] if rest else ""
            inside[child] = max(changed, inside.get(child, changed))
        return found

    def remove_unfinished(self, before: float) -> None:
        """End uploads in parts that were begun before a time."""
        self._bucket.abort_uploads(before)

    def sizes(self, kind: str) -> Mapping[str, int]:
        """Return the bytes that lie under `kind`, by id."""
        found: Counter[str] = Counter()
        for key, size in self._bucket.sizes(f"{kind}/"):
            found[key.split("/")[1]] += size
        return found

    def check(self) -> float:
        """Write and remove an object, and tell when that was by the bucket's clock; raises Unavailable on failure."""
        key = f"{PARTIAL}{uuid4().hex}"
        self._bucket.put_bytes(key, b"")
        written = self._bucket.written(key)
        self._bucket.remove_object(key)
        return written

    def _verified(self, name: str, file: StoredFile) -> Iterator[bytes]:
        digest = hashlib.sha256()
        try:
            for chunk in self._bucket.chunks(file.key):
                digest.update(chunk)
                yield chunk
        except FileNotFoundError:
            raise Damaged(f"the stored file {file.key} is missing") from None
        if digest.hexdigest() != file.sha256:
            raise Damaged(f"the stored file {name} ({file.key}) is not the one that was written (sha256 differs)")

    def _listing(self, prefix: str) -> Listing:
        listing = self._find_listing(prefix)
        if listing is None:
            raise Damaged(f"the stored files {prefix} are missing")
        return listing

    def _find_listing(self, prefix: str) -> Listing | None:
        try:
            return Listing.model_validate_json(b"".join(self._bucket.chunks(f"{prefix}/{LISTING}")))
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise Damaged(f"the listing of the stored files {prefix} cannot be read: {error}") from error


def _matching(listing: Listing, patterns: tuple[str, ...]) -> Iterator[tuple[str, StoredFile]]:
    for name, file in listing.files.items():
        if not patterns or any(fnmatchcase(name, pattern) for pattern in patterns):
            yield name, file


def _complete(entry: Entry, listing: Listing, patterns: tuple[str, ...]) -> bool:
    return all(_is_whole(entry, name, file) for name, file in _matching(listing, patterns))


def _is_whole(entry: Entry, name: str, file: StoredFile) -> bool:
    """Tell whether a file is here with all its bytes: a power cut may leave a name without them."""
    try:
        return (entry.content / name).stat().st_size == file.size
    except FileNotFoundError:
        return False
