"""The listing of a published folder: it is put last, so that a folder is there whole or not at all."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict

LISTING = "listing.json"
CHUNK = 1024 * 1024


def _inside(name: str) -> str:
    path = PurePosixPath(name)
    if not path.parts or path.is_absolute() or ".." in path.parts:
        raise ValueError("the name of a file leads out of its folder")
    return name


class StoredFile(BaseModel):
    """One file: the object that holds it, its bytes, its digest."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    size: int
    sha256: str


class Listing(BaseModel):
    """The files of a published folder by name; one that is `changing` may be published again with others."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    changing: bool = False
    files: Mapping[Annotated[str, AfterValidator(_inside)], StoredFile]


def files_below(folder: Path) -> dict[str, Path]:
    """Return the files of a folder by their name in it."""
    return {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}


def digest_of(path: Path, check: Callable[[], None]) -> str:
    """Return the sha256 of a file; `check` is called between its chunks."""
    digest = hashlib.sha256()
    for chunk in chunks_of(path):
        digest.update(chunk)
        check()
    return digest.hexdigest()


def chunks_of(path: Path) -> Iterator[bytes]:
    """Yield the bytes of a file, a megabyte at a time."""
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk
