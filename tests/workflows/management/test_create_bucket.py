"""`manage.py create_bucket` makes what STORAGE_URL names."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from tests.object_store import CREDENTIALS, StoreBucket, run_object_store
from tests.workflows.files.conftest import storages


def answer() -> str:
    out = StringIO()
    call_command("create_bucket", stdout=out)
    return out.getvalue().strip()


def test_the_bucket_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    with run_object_store(tmp_path / "server.log") as store:
        bucket = StoreBucket(store, "not-there-yet")
        for url in (bucket.storage_url, bucket.storage_url.replace("us-east-1", "eu-west-1").replace("yet", "either")):
            with override_settings(**storages(url, tmp_path)):
                assert answer() == "the bucket was made"
                assert answer() == "the storage is there, and takes files"
        assert bucket.stored_keys() == []


def test_a_folder_needs_no_bucket() -> None:
    assert answer() == "the storage is there, and takes files"


def test_a_server_that_is_away_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    away = override_settings(**storages("s3://b?endpoint_url=http://127.0.0.1:9&region=us-east-1", tmp_path))
    with away, pytest.raises(CommandError, match="the file storage cannot be reached"):
        answer()
