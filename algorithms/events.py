"""What a child process tells its supervisor: one JSON object a line on standard output."""

import json
import sys
import time
from typing import Any, TextIO


class EventStream:
    """Write events as JSON lines; progress is thinned so that a fast run does not flood its supervisor."""

    def __init__(self, stream: TextIO | None = None, min_interval: float = 0.2) -> None:
        self._stream = stream or sys.stdout
        self._min_interval = min_interval
        self._last_progress = float("-inf")

    def send(self, event: str, **fields: Any) -> None:
        """Write one event at once."""
        self._stream.write(json.dumps({"event": event, **fields}, allow_nan=False) + "\n")
        self._stream.flush()

    def progress(self, *, final: bool = False, **fields: Any) -> None:
        """Write a progress event unless one was written less than `min_interval` seconds ago."""
        now = time.monotonic()
        if final or now - self._last_progress >= self._min_interval:
            self._last_progress = now
            self.send("progress", **fields)
