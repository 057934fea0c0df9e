"""A file of any encoding as a stream of UTF-8, with something of ours after its end."""

import codecs
import io
import math
import threading
from pathlib import Path
from typing import BinaryIO

_CHUNK_BYTES = 1 << 20
_PATIENCE = 10.0  # seconds


class Pace:
    """Keeps reading a few blocks ahead of the use of what was read: Arrow alone would read 32 of them ahead.

    Every block must be reported as used, one without a row too. A reader that waits for long goes on all the same.
    """

    def __init__(self, block_bytes: int, blocks: int = 2, patience: float = _PATIENCE) -> None:
        self._block_bytes = block_bytes
        self._allowed: float = blocks * block_bytes
        self._patience = patience
        self._changed = threading.Condition()

    def used_block(self) -> None:
        """Say that one more block was used."""
        self._allow(self._block_bytes)

    def let_go(self) -> None:
        """Let the reader go on: nobody waits for what it reads any more."""
        self._allow(math.inf)

    def wait(self, given: int) -> None:
        """Wait, having given so many bytes, until it is time for more."""
        with self._changed:
            if not self._changed.wait_for(lambda: given < self._allowed, self._patience):
                self._allowed += self._block_bytes

    def _allow(self, more: float) -> None:
        with self._changed:
            self._allowed += more
            self._changed.notify()


class Utf8Stream(io.RawIOBase):
    """The text of `source` in UTF-8, followed by `ending`, read at the pace of its use."""

    def __init__(self, source: Path, encoding: str, ending: bytes, pace: Pace) -> None:
        self._file: BinaryIO = source.open("rb")
        self._decoder = None if encoding == "utf-8" else codecs.getincrementaldecoder(encoding)()
        self._ending = ending
        self._ready = memoryview(b"")
        self._ended = False
        self._pace = pace
        self._given = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed's Buffer is newer than 3.11
        while not self._ready and not self._ended:
            self._ready = memoryview(self._next_chunk())
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def _next_chunk(self) -> bytes:
        self._pace.wait(self._given)
        chunk = self._file.read(_CHUNK_BYTES)
        self._ended = not chunk
        if self._decoder is not None:
            chunk = self._decoder.decode(chunk, final=self._ended).encode()
        self._given += len(chunk)
        return chunk + self._ending if self._ended else chunk

    def close(self) -> None:
        self._file.close()
        super().close()
