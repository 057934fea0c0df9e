"""STORAGE_URL, read once and refused when it cannot be meant."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from nnservice.storage import stored_in

HERE = Path("/state/files")


@pytest.fixture(autouse=True)
def _no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)


def test_without_a_url_files_lie_in_the_state_folder() -> None:
    assert stored_in("", HERE)["OPTIONS"] == {"location": "/state/files"}


def test_a_file_url_names_a_shared_folder() -> None:
    assert stored_in("file:///mnt/shared%20files", HERE)["OPTIONS"] == {"location": "/mnt/shared files"}


def test_an_s3_url_names_bucket_prefix_server_and_region() -> None:
    found = stored_in("s3://My-bucket/team/a/?endpoint_url=https://s3.example.org:9000&region=eu-west-1", HERE)
    assert found["BACKEND"] == "workflows.files.bucket.Bucket"
    assert found["OPTIONS"] == {
        "bucket_name": "My-bucket",
        "location": "team/a",
        "endpoint_url": "https://s3.example.org:9000",
        "region_name": "eu-west-1",
    }
    assert stored_in("s3://bucket", HERE)["OPTIONS"]["location"] == ""


@pytest.mark.parametrize(
    "url",
    [
        "shared",
        "file://host/folder",
        "file:folder",
        "file:///a?b=1",
        "s3:///prefix",
        "https://host/bucket",
        "s3://a:1/b",
    ],
)
def test_another_form_is_refused_with_the_forms_there_are(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="STORAGE_URL must be file:///folder or s3://bucket"):
        stored_in(url, HERE)


def test_a_key_in_the_url_is_refused_and_not_repeated() -> None:
    for url in ("s3://KEY:hidden@bucket", "s3://bucket?access_key=hidden"):
        with pytest.raises(ImproperlyConfigured) as refused:
            stored_in(url, HERE)
        assert "hidden" not in str(refused.value)


def test_credentials_come_in_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    with pytest.raises(ImproperlyConfigured, match="belong together"):
        stored_in("s3://bucket", HERE)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    options = stored_in("s3://bucket", HERE)["OPTIONS"]
    assert (options["access_key"], options["secret_key"]) == ("key", "secret")
