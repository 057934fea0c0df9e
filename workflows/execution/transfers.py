"""What a worker does with the storage while it supervises a run: patiently, for a bucket may be away for a while."""

import logging
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from workflows import files
from workflows.errors import Unavailable

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 600
WAIT_SECONDS = 1.0
LOG_SECONDS = 3.0
LOG_BYTES_PER_SECOND = 1_000_000

Returned = TypeVar("Returned")


def patiently(call: Callable[[], Returned], check: Callable[[], None]) -> Returned:
    """Try again and again for some minutes while the storage cannot be reached; `check` is called meanwhile.

    Raises:
        Unavailable: it stayed away.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return call()
        except Unavailable as error:
            if time.monotonic() > deadline:
                raise
            logger.warning("trying again: %s", error.message)
            time.sleep(WAIT_SECONDS)
            check()


class RunLog:
    """The log of a run while it grows. Leaving the block stores it; so does `put_when_due`, every few seconds.

    A storage that takes no log costs no run: it is said in the worker's own.
    """

    def __init__(self, key: str, work: Path) -> None:
        self.path = files.open_log(key, work)
        self._key = key
        self._put = self._size()
        self._due = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._store()

    def put_when_due(self) -> None:
        """Store what was written, unless that was done just now; the larger the log, the rarer."""
        if time.monotonic() >= self._due:
            self._store()
            self._due = time.monotonic() + max(LOG_SECONDS, self._put / LOG_BYTES_PER_SECOND)

    def _store(self) -> None:
        size = self._size()
        if size == self._put:
            return
        try:
            files.put_log(self.path, self._key)
            self._put = size
        except Unavailable as error:
            logger.warning("the log %s was not stored: %s", self._key, error.message)

    def _size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0
