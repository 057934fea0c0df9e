"""Processes and their descendants: none outlives the launcher, however it ends.

On Linux the kernel helps twice: a child is told when its parent dies, and the orphans of dead descendants come to the
launcher instead of to init, so that it finds them. Elsewhere only those known when the end begins are found.
"""

import contextlib
import ctypes
import os
import subprocess
import sys
import time

import psutil

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def end_with_parent(signum: int) -> None:
    """Have `signum` sent to this process when its parent dies (Linux; elsewhere nothing happens)."""
    _prctl(PR_SET_PDEATHSIG, signum)


def adopt_orphans() -> None:
    """Make this process the parent of descendants whose parent dies (Linux; elsewhere nothing happens)."""
    _prctl(PR_SET_CHILD_SUBREAPER, 1)


def wait_for(child: "subprocess.Popen[bytes]") -> None:
    """Wait until a child ends, and reap adopted orphans that end before it."""
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == child.pid:
            child.returncode = os.waitstatus_to_exitcode(status)
            return


def end_family(child: "subprocess.Popen[bytes]", seconds: float) -> None:
    """End a child by SIGTERM, which it passes on; after `seconds`, or when it has gone, kill every descendant left."""
    deadline = time.monotonic() + seconds
    here = psutil.Process()
    family = here.children(recursive=True)
    if child.returncode is None:
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(timeout=seconds)
    psutil.wait_procs(family, timeout=0)
    left = [process for process in family if process.is_running()] or here.children(recursive=True)
    while left:
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, timeout=max(0.1, deadline - time.monotonic()))
        left = here.children(recursive=True)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value)
