"""Child processes: how the service runs `python -m algorithms TASK FOLDER` and listens to it."""

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from django.conf import settings

from nnservice.machine import oom_kills
from workflows.execution.memory import MemoryGuard, MemoryLimit

logger = logging.getLogger(__name__)

PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES", "VIRTUAL_ENV")
"""Environment variables a child gets; above all it gets no secret of the service."""


class Child:
    """One child in its own process group; leaving the `with` block ends whatever is left of it.

    `poll_events` never blocks: a thread collects what the child says. Another ends it when it takes too much memory.
    """

    def __init__(self, task: str, folder: Path, log: Path, *, memory: MemoryLimit, threads: int = 1) -> None:
        self._task = task
        self._log = log.open("ab")
        self._events: deque[dict[str, Any]] = deque()
        self._oom_kills = oom_kills()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "algorithms", task, str(folder), "--supervised"],
            stdin=subprocess.PIPE,  # held open: the child ends when its supervisor dies
            stdout=subprocess.PIPE,
            stderr=self._log,
            cwd=settings.BASE_DIR,
            env=_environment(threads),
            start_new_session=True,
        )
        self._reader = threading.Thread(
            target=self._read, args=[self._process.stdout], name=f"events of {task}", daemon=True
        )
        self._reader.start()
        self._guard = MemoryGuard(self._process.pid, memory)
        self._guard.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._guard.stop()
        self.kill()
        self._reader.join(timeout=5)
        for stream in (self._process.stdin, self._process.stdout, self._log):
            if stream is not None:
                stream.close()

    def _read(self, stdout: IO[bytes]) -> None:
        for line in stdout:
            try:
                event = json.loads(line)
            except ValueError:
                logger.warning("child %s wrote no event: %.200r", self._process.pid, line)
                continue
            self._events.append(event)

    def poll_events(self) -> Iterator[dict[str, Any]]:
        """Yield the events that came since the last call."""
        while self._events:
            yield self._events.popleft()

    def wait(self, seconds: float) -> bool:
        """Wait at most so long; True when the child has ended and all its events can be polled."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        self._reader.join(timeout=5)
        return True

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        return self._process.returncode

    @property
    def stopped_for_memory(self) -> str | None:
        """Why the child was ended, if it took too much memory."""
        return self._guard.reason

    @property
    def ran_out_of_memory(self) -> bool:
        """Whether the child was ended for its memory, by its guard or by the kernel: it would be so again."""
        if self.stopped_for_memory is not None:
            return True
        return self.exit_code == -signal.SIGKILL and oom_kills() > self._oom_kills

    def kill(self) -> None:
        """End the child's whole process group at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def describe_end(self) -> str:
        """Say how a child ended that did not say so itself."""
        if self.stopped_for_memory is not None:
            return self.stopped_for_memory
        code = self.exit_code
        if self.ran_out_of_memory:
            return (
                f"the {self._task} process was killed by the kernel because the machine ran out of memory: "
                "use fewer rows or columns, or a larger machine"
            )
        if code == -signal.SIGKILL:
            return f"the {self._task} process was killed (SIGKILL) by somebody"
        if code is not None and code < 0:
            return f"the {self._task} process was ended by {signal.Signals(-code).name}"
        return f"the {self._task} process ended with exit code {code} without a result; see its log"


def _environment(threads: int) -> dict[str, str]:
    passed = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return passed | {
        "PYTHONUNBUFFERED": "1",
        "PYTHONHASHSEED": "0",
        "OMP_NUM_THREADS": str(threads),
        # A thread that waits leaves its core to others, which there are: requests and other trainings. Spinning ones
        # made a training on two busy cores three to five times slower (measured with torch).
        "OMP_WAIT_POLICY": "PASSIVE",
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }
