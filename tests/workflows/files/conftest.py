"""Both storages: a folder, and a bucket of a real server."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings

from nnservice.storage import stored_in
from tests.object_store import CREDENTIALS, ObjectStore, StoreBucket, run_object_store


@pytest.fixture(scope="session")
def object_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    with run_object_store(tmp_path_factory.mktemp("object-store") / "server.log") as store:
        yield store


def storages(url: str, folder: Path) -> dict[str, Any]:
    """Return the settings of a storage that is none of the other tests'."""
    return {
        "STORAGES": {
            "default": stored_in(url, folder / "files"),
            "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
        },
        "CACHE_ROOT": folder / "cache",
    }


@pytest.fixture
def in_folder(tmp_path: Path) -> Iterator[Path]:
    """Keep files in a folder of this test's; give it."""
    with override_settings(**storages("", tmp_path)):
        yield tmp_path / "files"


@pytest.fixture
def in_bucket(tmp_path: Path, object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[StoreBucket]:
    """Keep files in a bucket of this test's; give it."""
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    bucket = object_store.make_bucket()
    with override_settings(**storages(bucket.storage_url, tmp_path)):
        yield bucket
