"""The memory of this machine, or of the container (control group) that the service runs in, whichever is smaller."""

import contextlib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import psutil

MEMBERSHIP = Path("/proc/self/cgroup")
CGROUPS = Path("/sys/fs/cgroup")
VMSTAT = Path("/proc/vmstat")

# File pages that the kernel gives up for free, by version of the control groups; with their descendants' in version 1.
_RECLAIMABLE = {
    1: ("total_active_file", "total_inactive_file"),
    2: ("active_file", "inactive_file", "slab_reclaimable"),
}
_LIMIT = {1: "memory.limit_in_bytes", 2: "memory.max"}
_EVENTS = {1: "memory.oom_control", 2: "memory.events"}
_USAGE = {1: "memory.usage_in_bytes", 2: "memory.current"}


def total_memory() -> int:
    """Return how many bytes this process and its neighbours may use together."""
    return min([int(psutil.virtual_memory().total), *(limit for _, _, limit in _limits())])


def available_memory() -> int:
    """Return how many bytes can be taken now without swapping, or without the kernel ending a process."""
    left = [int(psutil.virtual_memory().available)]
    for folder, version, limit in _limits():
        with contextlib.suppress(OSError):  # this process was moved to another group
            counted = _numbers(folder / "memory.stat")
            reclaimable = sum(counted.get(name, 0) for name in _RECLAIMABLE[version])
            left.append(max(0, limit - int((folder / _USAGE[version]).read_text()) + reclaimable))
    return min(left)


def oom_kills() -> int:
    """Return how many processes the kernel has ended for want of memory, in this process's control group if it counts.

    The number rises before the process ends.
    """
    for folder, version in _groups():
        with contextlib.suppress(OSError, KeyError, ValueError):
            return _numbers(folder / _EVENTS[version])["oom_kill"]
    with contextlib.suppress(OSError, KeyError, ValueError):
        return _numbers(VMSTAT)["oom_kill"]
    return 0


def _limits() -> Iterator[tuple[Path, int, int]]:
    """Yield folder, version and limit in bytes of each control group above this process that has a limit."""
    for folder, version in _groups():
        with contextlib.suppress(OSError):
            limit = (folder / _LIMIT[version]).read_text().strip()
            if limit != "max":
                yield folder, version, int(limit)


@cache
def _groups() -> tuple[tuple[Path, int], ...]:
    """Return the control groups that count the memory of this process, and their version; none outside Linux.

    In a container the path may be that of the host, while the container sees its own group as the root: every folder
    on the way up is looked at.
    """
    try:
        lines = [line.split(":", 2) for line in MEMBERSHIP.read_text().splitlines()]
    except OSError:
        return ()
    found: list[tuple[Path, int]] = []
    for _, controllers, path in lines:
        if "memory" in controllers.split(","):
            base, version = CGROUPS / "memory", 1
        elif not controllers:
            base, version = CGROUPS, 2
        else:
            continue
        group = base / path.strip("/")
        folders = [group, *group.parents]
        found += [(f, version) for f in folders[: folders.index(base) + 1] if (f / _LIMIT[version]).exists()]
    return tuple(found)


def _numbers(path: Path) -> Mapping[str, int]:
    return {name: int(value) for name, value in (line.split() for line in path.read_text().splitlines())}
