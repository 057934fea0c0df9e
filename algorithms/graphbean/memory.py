"""Memory that is freed stays with the process."""

import ctypes
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LARGE = 2**27
"""Bytes; what is larger goes back, for it comes with large graphs, whose memory must be there for the next step."""


def keep_freed_memory() -> None:
    """Let glibc reuse large blocks rather than give them back to the kernel and fault them in again every step.

    Elsewhere than on Linux with glibc nothing happens.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGE)
        mallopt(_M_TRIM_THRESHOLD, _LARGE)
