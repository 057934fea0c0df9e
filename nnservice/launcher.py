"""Run one installation in the foreground: the broker, the web server, the worker and beat, under supervisord.

supervisord restarts what dies. The launcher starts it, says when the service answers, and on Ctrl-C or SIGTERM ends
everything within ten seconds: what supervisord has not ended by then, or has lost sight of, is killed.
"""

import http.client
import os
import signal
import subprocess
import sys
import time
from functools import partial
from http import HTTPStatus
from pathlib import Path
from types import FrameType
from typing import NoReturn

from nnservice import env
from nnservice.auth import auth_mode
from nnservice.home import BASE_DIR, socket_path, state_home
from nnservice.preflight import (
    CannotStart,
    chosen_port,
    close_gate,
    migrate,
    only_launcher,
    require_free,
    require_loopback,
)
from nnservice.processes import adopt_orphans, end_family, end_with_parent, wait_for
from nnservice.programs import PROGRAMS, worker_concurrency

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
STOP_SECONDS = 8.5
"""Time for an orderly end: supervisord gives each program seven seconds (supervisord.conf)."""
READY_SECONDS = 120


class Stop(Exception):
    """A person, or the system, asks the service to end."""


def launch() -> None:
    """Run the service until it is asked to stop.

    Raises:
        CannotStart: something is in the way, or the service does not come up.
        HomeUnusable: the state folder cannot be used.
    """
    for signum in SIGNALS:
        if signum != signal.SIGHUP or signal.getsignal(signum) != signal.SIG_IGN:  # nohup's wish is respected
            signal.signal(signum, _stop)
    os.umask(0o077)
    home = state_home()
    port = chosen_port()
    try:
        with only_launcher(home):
            require_free(port)
            for command in PROGRAMS.values():
                command(home)  # a setting that is wrong is said here, not in the log of a program that cannot start
            require_loopback()
            auth_mode()
            _say(f"nnservice is starting: state in {home}, logs in {home / 'logs'}")
            _supervise(home, port)
    except Stop:
        _say("nnservice has stopped")


def _stop(_signum: int, _frame: FrameType | None) -> NoReturn:
    for signum in SIGNALS:
        signal.signal(signum, signal.SIG_IGN)  # the end is under way and takes seconds; it is not interrupted
    raise Stop


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _supervise(home: Path, port: int) -> None:
    adopt_orphans()
    gate = close_gate(home)
    supervisord = subprocess.Popen(
        [sys.executable, "-m", "supervisor.supervisord", "-c", str(BASE_DIR / "nnservice" / "supervisord.conf")],
        cwd=home,
        env=_environment(home, port),
        stdin=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C reaches the launcher only, which ends the others in order
        preexec_fn=partial(end_with_parent, signal.SIGTERM),  # noqa: PLW1509 - this process has one thread
    )
    try:
        migrate()
        gate.close()
        _wait_until_ready(supervisord, home, port)
        _say(f"nnservice is ready on http://127.0.0.1:{port}/ (state in {home}, Ctrl-C stops it)")
        wait_for(supervisord)
        raise CannotStart(f"the process manager has ended, see {home / 'logs' / 'supervisord.log'}")
    finally:
        end_family(supervisord, STOP_SECONDS)
        _remove_socket(home)


def _environment(home: Path, port: int) -> dict[str, str]:
    return os.environ | {
        "NNSERVICE_HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PYTHONPATH": str(BASE_DIR),
        "NNSERVICE_EMBEDDED_BROKER": "false" if env.redis_url("REDIS_URL") else "true",
        "NNSERVICE_WORKER_CONCURRENCY": str(worker_concurrency()),
        "NNSERVICE_BIND": "127.0.0.1",  # others come in through a proxy, and with tokens: see require_loopback
        "PORT": str(port),
        "PYTHONUNBUFFERED": "1",
    }


def _wait_until_ready(supervisord: subprocess.Popen[bytes], home: Path, port: int) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not _answers(port):
        if supervisord.poll() is not None:
            raise CannotStart(f"the process manager did not start, see {home / 'logs' / 'supervisord.log'}")
        if time.monotonic() > deadline:
            raise CannotStart(f"no answer after {READY_SECONDS} s, see {home / 'logs' / 'web.log'}")
        time.sleep(0.1)


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status < HTTPStatus.INTERNAL_SERVER_ERROR
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _remove_socket(home: Path) -> None:
    path = socket_path(home)
    path.unlink(missing_ok=True)  # a server that was killed leaves it
    if not path.is_relative_to(home.resolve()):
        path.parent.rmdir()
