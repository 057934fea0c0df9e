"""A file of any encoding as a stream of UTF-8, with something of ours after its end."""

import codecs
import io
from pathlib import Path
from typing import BinaryIO

_CHUNK_BYTES = 1 << 20


class Utf8Stream(io.RawIOBase):
    """The text of `source` in UTF-8, followed by `ending`."""

    def __init__(self, source: Path, encoding: str, ending: bytes) -> None:
        self._file: BinaryIO = source.open("rb")
        self._decoder = None if encoding == "utf-8" else codecs.getincrementaldecoder(encoding)()
        self._ending = ending
        self._ready = memoryview(b"")
        self._ended = False

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
        chunk = self._file.read(_CHUNK_BYTES)
        self._ended = not chunk
        if self._decoder is not None:
            chunk = self._decoder.decode(chunk, final=self._ended).encode()
        return chunk + self._ending if self._ended else chunk

    def close(self) -> None:
        self._file.close()
        super().close()
