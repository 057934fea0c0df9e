"""The S3 bucket: django-storages' backend with what it lacks, reading in pieces and removing many."""

import io
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.core.files import File
from storages.backends.s3 import S3Storage

from workflows.errors import Unavailable
from workflows.files.listing import CHUNK

logger = logging.getLogger(__name__)

NOT_FOUND = ("404", "NoSuchKey", "NotFound")


class Bucket(S3Storage):  # type: ignore[misc]  # django-storages carries no types
    """One bucket, or the part of it below a prefix. Memory is bounded whatever the size of a file.

    What goes wrong between here and the bucket is `Unavailable`; an object that is not there is FileNotFoundError.
    """

    def __init__(self, **options: Any) -> None:
        # Without threads, parts are read in the caller's, where `check` may end the transfer.
        transfer = TransferConfig(use_threads=False, multipart_chunksize=16 * CHUNK, multipart_threshold=16 * CHUNK)
        client = Config(
            connect_timeout=5,
            read_timeout=15,  # a stalled transfer must not outlast the patience for a run's heartbeat
            retries={"mode": "standard", "total_max_attempts": 2},
            s3={"addressing_style": "path" if options.get("endpoint_url") else "auto"},
            # Other stores than Amazon's refuse the newer checksums; every file is checked by its sha256 anyway.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        super().__init__(transfer_config=transfer, client_config=client, **options)

    def make_bucket(self) -> bool:
        """Make the bucket unless it is there; tell whether it was made."""
        try:
            with self._asking():
                self.bucket.meta.client.head_bucket(Bucket=self.bucket_name)
                return False
        except FileNotFoundError:
            region = self.bucket.meta.client.meta.region_name
            # Amazon's first region is the only one that must not be named.
            placed = {} if region in (None, "us-east-1") else {"LocationConstraint": region}
            with self._asking():
                self.bucket.create(**({"CreateBucketConfiguration": placed} if placed else {}))
            return True

    def put(self, key: str, path: Path, check: Callable[[], None]) -> None:
        """Upload a file; `check` is called between its pieces."""
        with path.open("rb") as file, self._asking():
            self.save(key, _Checked(file, check))

    def put_bytes(self, key: str, content: bytes) -> None:
        """Write a small object."""
        with self._asking():
            self.save(key, File(io.BytesIO(content)))

    def chunks(self, key: str, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Yield the bytes of an object, or those from `start` to `stop`."""
        wanted = {} if (start, stop) == (0, None) else {"Range": f"bytes={start}-{'' if stop is None else stop - 1}"}
        with self._asking():
            yield from self._object(key).get(**wanted)["Body"].iter_chunks(CHUNK)

    def size_of(self, key: str) -> int | None:
        """Return the bytes of an object; None if it is not there."""
        try:
            with self._asking():
                return int(self._object(key).content_length)
        except FileNotFoundError:
            return None

    def written(self, key: str) -> float:
        """Return when an object was written, by the bucket's clock."""
        with self._asking():
            return float(self._object(key).last_modified.timestamp())

    def listed(self, prefix: str) -> Iterator[tuple[str, float]]:
        """Yield the keys that begin with `prefix`, and when each was written."""
        below = f"{self.location}/" if self.location else ""
        with self._asking():
            for found in self.bucket.objects.filter(Prefix=below + prefix):
                yield found.key.removeprefix(below), found.last_modified.timestamp()

    def sizes(self, prefix: str) -> Iterator[tuple[str, int]]:
        """Yield the keys that begin with `prefix`, and the bytes of each."""
        below = f"{self.location}/" if self.location else ""
        with self._asking():
            for found in self.bucket.objects.filter(Prefix=below + prefix):
                yield found.key.removeprefix(below), int(found.size)

    def remove_below(self, prefix: str) -> None:
        """Remove an object and all whose keys go on from it after a slash."""
        with self._asking():
            self.bucket.objects.filter(Prefix=f"{self._normalize_name(prefix)}/").delete()
        self.remove_object(prefix)

    def remove_object(self, key: str) -> None:
        """Remove one object; one that is not there is removed already."""
        with self._asking():
            self._object(key).delete()

    def abort_uploads(self, before: float) -> None:
        """End uploads in parts that were begun before a time and not ended; their bytes are stored, and paid for."""
        with self._asking():
            for upload in self.bucket.multipart_uploads.all():
                ours = upload.object_key.startswith(f"{self.location}/" if self.location else "")
                if ours and upload.initiated.timestamp() < before:
                    upload.abort()

    def _object(self, key: str) -> Any:
        return self.bucket.Object(self._normalize_name(key))

    @contextmanager
    def _asking(self) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in NOT_FOUND:
                raise FileNotFoundError(str(error)) from None
            logger.warning("the bucket refused; see STORAGE_URL and its credentials: %s", error)
            raise Unavailable("the file storage refused; the service's log says why") from error
        except (BotoCoreError, Boto3Error) as error:
            logger.warning("the bucket cannot be reached: %s", error)  # it names hosts, which are nobody's business
            raise Unavailable("the file storage cannot be reached; try again") from error


class _Checked(File):  # type: ignore[type-arg]
    """A file that asks before each piece whether to go on."""

    def __init__(self, file: IO[bytes], check: Callable[[], None]) -> None:
        super().__init__(file)
        self._bytes = file
        self._check = check

    def read(self, size: int = -1) -> bytes:
        self._check()
        return self._bytes.read(size)
