"""An S3-compatible server as a process of its own, and what a test does behind the service's back in it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3

# Any: the server checks no credentials, but the client must sign with some.
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": "not-secret"}


@dataclass(frozen=True)
class ObjectStore:
    """A running server."""

    url: str
    process: subprocess.Popen[bytes]

    def client(self) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        )

    def make_bucket(self) -> "StoreBucket":
        name = f"bucket-{uuid4().hex[:12]}"
        self.client().create_bucket(Bucket=name)
        return StoreBucket(self, name)


@dataclass(frozen=True)
class StoreBucket:
    """A bucket of its own for a test; the service is told to keep its files in `prefix` of it."""

    store: ObjectStore
    name: str
    prefix: str = "some/where"

    @property
    def storage_url(self) -> str:
        return f"s3://{self.name}/{self.prefix}?endpoint_url={self.store.url}&region=us-east-1"

    def stored_keys(self) -> list[str]:
        pages = self.store.client().get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return [found["Key"] for page in pages for found in page.get("Contents", [])]

    def unfinished(self) -> list[str]:
        """Return the keys of uploads in parts that were not ended."""
        found = self.store.client().list_multipart_uploads(Bucket=self.name)
        return [upload["Key"] for upload in found.get("Uploads", [])]

    def flip_a_byte(self, key: str) -> None:
        client = self.store.client()
        content = bytearray(client.get_object(Bucket=self.name, Key=key)["Body"].read())
        content[len(content) // 2] ^= 1
        client.put_object(Bucket=self.name, Key=key, Body=bytes(content))

    def put(self, key: str, content: bytes = b"content") -> None:
        self.store.client().put_object(Bucket=self.name, Key=key, Body=content)

    def delete(self, key: str) -> None:
        self.store.client().delete_object(Bucket=self.name, Key=key)


@contextmanager
def run_object_store(log: Path, host: str = "127.0.0.1") -> Iterator[ObjectStore]:
    """Run the server on a free port until the block ends."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port = probe.getsockname()[1]
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", host, "-p", str(port)],
            env=os.environ | CREDENTIALS,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
        )
    try:
        deadline = time.monotonic() + 60
        while not _listens(host, port):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, "the object store does not listen"
            time.sleep(0.05)
        yield ObjectStore(f"http://{host}:{port}", process)
    finally:
        process.terminate()
        process.wait(timeout=10)


def _listens(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False
