"""The artifact folder of a trained model: it appears whole or not at all, and its manifest vouches for every file."""

import hashlib
import json
import os
import platform
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

from algorithms.errors import ArtifactCorrupt, ArtifactIncompatible

FORMAT = 1
CHUNK = 1024 * 1024
MANIFEST = "manifest.json"
MODEL_FILE, PREPROCESS_FILE, REFERENCE_FILE = "model.onnx", "preprocess.json", "reference.json"
SERVING_FILES = (MANIFEST, MODEL_FILE, PREPROCESS_FILE)
"""All that scoring new rows needs of an artifact."""
REFERENCE_FILES = (MANIFEST, REFERENCE_FILE)
"""All that telling drift needs of an artifact."""
LIBRARIES = (
    "numpy",
    "onnxruntime",
    "pandas",
    "pyarrow",
    "tensorflow",
    "keras",
    "torch",
    "torch-geometric",
    "onnxscript",
    "safetensors",
)


@contextmanager
def write_artifact(folder: Path) -> Iterator[Path]:
    """Give a folder to write files into; it becomes `folder`, with a manifest, when the block ends without an error.

    Files are synced before the rename, so a folder of that name is complete even after a power cut. After an error
    nothing is left.

    Raises:
        FileExistsError: `folder` exists: an artifact is never changed.
    """
    if folder.exists():
        raise FileExistsError(f"{folder} exists; an artifact is never overwritten")
    partial = folder.with_name(folder.name + ".part")
    shutil.rmtree(partial, ignore_errors=True)  # of a process that was killed
    partial.mkdir(parents=True)
    try:
        yield partial
        _write_manifest(partial)
        for path in [*partial.iterdir(), partial]:
            sync(path)
        partial.rename(folder)
        sync(folder.parent)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def verify_artifact(
    folder: Path, files: Iterable[str] | None = None, *, check: Callable[[], None] = lambda: None
) -> Mapping[str, Any]:
    """Return the manifest of an artifact after checking the digests of `files` (default: of all).

    `check` is called again and again meanwhile; what it raises ends it.

    Raises:
        ArtifactCorrupt: a file is missing or is not what was written.
        ArtifactIncompatible: the artifact has a format of another release.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        written, digests = manifest["format"], dict(manifest["files"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArtifactCorrupt(f"the manifest of artifact {folder.name} cannot be read: {error}") from error
    if written != FORMAT:
        raise ArtifactIncompatible(
            f"artifact {folder.name} has format {written}, this release reads format {FORMAT}: train the model again"
        )
    for name in digests if files is None else files:
        if name not in digests:
            raise ArtifactCorrupt(f"the manifest of artifact {folder.name} does not list {name}")
        try:
            actual = _digest(folder / name, check)
        except OSError as error:
            raise ArtifactCorrupt(f"{name} of artifact {folder.name} cannot be read: {error}") from error
        if actual != digests[name]:
            raise ArtifactCorrupt(f"{name} of artifact {folder.name} is not the file that was written (sha256 differs)")
    return dict(manifest)


def library_versions() -> dict[str, str]:
    """Return the versions of Python and of the installed libraries that scores may depend on."""
    installed = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            installed[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return installed


def _write_manifest(folder: Path) -> None:
    files = {path.name: _digest(path) for path in sorted(folder.iterdir())}
    manifest = {"format": FORMAT, "files": files, "libraries": library_versions()}
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1))


def _digest(path: Path, check: Callable[[], None] = lambda: None) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            check()
    return digest.hexdigest()


def sync(path: Path) -> None:
    """Have a file or folder reach the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
