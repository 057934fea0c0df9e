"""`STORAGE_URL`: where uploads and artifacts are kept, read into Django's STORAGES."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from nnservice import env

FORMS = "file:///folder or s3://bucket/prefix?endpoint_url=https://host&region=name"


def stored_in(url: str, folder: Path) -> Mapping[str, Any]:
    """Return the storage that `url` names as an entry of STORAGES; without one it is `folder`.

    Raises:
        ImproperlyConfigured: the URL is of another form.
    """
    if not url:
        return _folder(folder)
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    if parts.scheme == "file" and not parts.netloc and parts.path.startswith("/") and not query:
        return _folder(Path(unquote(parts.path)))
    if parts.scheme != "s3" or not parts.hostname or parts.username or parts.port:
        raise ImproperlyConfigured(f"STORAGE_URL must be {FORMS}, not '{_without_secrets(url)}'")
    unknown = sorted(query.keys() - {"endpoint_url", "region"})
    if unknown:
        raise ImproperlyConfigured(
            f"STORAGE_URL takes endpoint_url and region, not {', '.join(unknown)}; the credentials are"
            " AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
    return {
        "BACKEND": "workflows.files.bucket.Bucket",
        "OPTIONS": {
            "bucket_name": parts.netloc,
            "location": unquote(parts.path).strip("/"),
            "endpoint_url": query.get("endpoint_url"),
            "region_name": query.get("region"),
            **_credentials(),
        },
    }


def _folder(path: Path) -> Mapping[str, Any]:
    return {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": str(path)}}


def _credentials() -> dict[str, str]:
    """Return the keys of the bucket; with neither, boto3 looks for others."""
    key, secret = env.text("AWS_ACCESS_KEY_ID"), env.text("AWS_SECRET_ACCESS_KEY")
    if bool(key) != bool(secret):
        raise ImproperlyConfigured("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY belong together: set both or neither")
    return {"access_key": key, "secret_key": secret} if key else {}


def _without_secrets(url: str) -> str:
    """Return the beginning of a URL: keys that someone wrote into it must not stand in a log."""
    return url.rpartition("@")[2].partition("?")[0]
