"""Keeps child processes from taking the machine's memory: one that takes too much is ended, and says why."""

import contextlib
import os
import signal
import threading
import time
from dataclasses import dataclass
from typing import ClassVar

import psutil
from django.conf import settings

from nnservice.machine import available_memory, total_memory

POLL_SECONDS = 0.1
"""A process can take some hundred megabytes in it, which is what the reserve is for."""
FAMILY_SECONDS = 1.0
"""Descendants, which children rarely have, cost a look at every process of the machine."""


@dataclass(frozen=True)
class MemoryLimit:
    """How many bytes a child may take, the setting that says so, and what a user can do about it."""

    bytes: int
    setting: str
    remedy: str


class MemoryGuard(threading.Thread):
    """Watches the memory of a child and ends its process group when it takes too much; `reason` then says so.

    Too much is more than its limit; or more than any other child of this process, and than the reserve, while the
    machine has less than the reserve left. Shared memory is not counted: it is pages of mapped files above all, which
    the kernel can take back.
    """

    _used: ClassVar[dict[int, int]] = {}  # process id → bytes, of all children that are watched

    def __init__(self, pid: int, limit: MemoryLimit) -> None:
        super().__init__(name=f"memory of {pid}", daemon=True)
        self.reason: str | None = None
        self._pid = pid
        self._process = psutil.Process(pid)  # tells this process from a later one with the same number
        self._limit = limit
        self._ended = threading.Event()
        self._descendants = 0
        self._next_look = 0.0

    @classmethod
    def count(cls) -> int:
        """Return how many children of this process are watched now."""
        return len(cls._used)

    def stop(self) -> None:
        """Watch no longer: the child has ended."""
        self._ended.set()
        self.join()

    def run(self) -> None:
        """Watch until the child ends or is ended."""
        _give_up_first(self._pid)
        try:
            while self.reason is None and not self._ended.wait(POLL_SECONDS):
                self._used[self._pid] = used = self._measure()
                self.reason = self._why_end(used)
            if self.reason is not None:
                with contextlib.suppress(ProcessLookupError):
                    if self._process.is_running():
                        os.killpg(self._pid, signal.SIGKILL)
                # Until its memory has come back, no other must be ended for want of it.
                while self._measure() and not self._ended.wait(POLL_SECONDS):
                    pass
        finally:
            self._used.pop(self._pid, None)

    def _measure(self) -> int:
        """Return the memory of the child and its descendants in bytes; 0 once it has ended."""
        if not self._process.is_running():
            return 0
        now = time.monotonic()
        if now >= self._next_look:
            with contextlib.suppress(psutil.NoSuchProcess):
                self._descendants = sum(_held(child) for child in self._process.children(recursive=True))
            self._next_look = now + FAMILY_SECONDS
        return _held(self._process) + self._descendants

    def _why_end(self, used: int) -> str | None:
        limit, reserve = self._limit, settings.MEMORY_RESERVE
        if used > limit.bytes:
            return (
                f"stopped at {_mb(used)} of memory; the limit is {_mb(limit.bytes)} ({limit.setting}); {limit.remedy}"
            )
        if used < reserve or used < max(self._used.copy().values()) or (available := available_memory()) >= reserve:
            return None
        return (
            f"stopped at {_mb(used)} of memory, before the machine swaps: {_mb(available)} of {_mb(total_memory())} "
            f"were left, and {_mb(reserve)} are kept free (NNSERVICE_MEMORY_RESERVE_MB); {limit.remedy}, or run less "
            "at once (NNSERVICE_WORKER_CONCURRENCY)"
        )


def _held(process: psutil.Process) -> int:
    try:
        memory = process.memory_info()
    except psutil.NoSuchProcess:
        return 0
    return int(memory.rss - getattr(memory, "shared", 0))


def _give_up_first(pid: int) -> None:
    """Have the kernel end this process, not the service's or the database's, should memory run out all the same."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/oom_score_adj", "w") as file:  # noqa: PTH123  Linux only
        file.write("1000")


def _mb(size: int) -> str:
    return f"{size // 1_000_000:,} MB"
