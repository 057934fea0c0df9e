"""What must hold before the service starts: one launcher per state folder, a free port, an up-to-date database."""

import fcntl
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from nnservice import env
from nnservice.auth import is_loopback
from nnservice.home import BASE_DIR

PID_FILE = "nnservice.pid"
GATE_FILE = "migrate.lock"
MAX_PORT = 65_535


class CannotStart(RuntimeError):
    """The service cannot start here; the message says why and what helps."""


@contextmanager
def only_launcher(home: Path) -> Iterator[None]:
    """Hold the state folder for one launcher, whose process id stands in `nnservice.pid` meanwhile.

    Raises:
        CannotStart: another launcher holds it.
    """
    path = home / PID_FILE
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            process = file.read().strip() or "starting"
            raise CannotStart(
                f"the state folder {home} is in use by a running service (process {process}):"
                " stop that one, or set NNSERVICE_HOME to another folder"
            ) from None
        file.truncate()
        file.write(f"{os.getpid()}\n")
        file.flush()
        try:
            yield
        finally:
            # Emptied, not removed: a removed file could be locked by one launcher while the next makes a new one.
            file.seek(0)
            file.truncate()


def chosen_port() -> int:
    """Return `PORT`, default 8000.

    Raises:
        CannotStart: it is not a port number.
    """
    value = os.environ.get("PORT", "").strip() or "8000"
    if not (value.isascii() and value.isdigit() and 1 <= int(value) <= MAX_PORT):
        raise CannotStart(f"PORT must be a number from 1 to {MAX_PORT}, not '{value}'")
    return int(value)


def require_free(port: int) -> None:
    """Check that the port of this machine can be listened on.

    Raises:
        CannotStart: another program listens there, or this user may not.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise CannotStart(
                f"cannot listen on 127.0.0.1:{port} ({os.strerror(error.errno or 0)}): set PORT to a free one"
            ) from None


def require_loopback() -> None:
    """Check that nobody expects the launcher to listen for other machines.

    Raises:
        CannotStart: `NNSERVICE_BIND` is an address that they reach.
    """
    address = env.text("NNSERVICE_BIND", "127.0.0.1")
    if not is_loopback(address):
        raise CannotStart(
            f"bin/run listens on 127.0.0.1 alone, and NNSERVICE_BIND is {address}: unset it and put a proxy in front,"
            " with NNSERVICE_AUTH=token, or start `python -m nnservice.programs web` (README, Several hosts)"
        )


def close_gate(home: Path) -> TextIO:
    """Make the programs that need the database wait; closing the answer lets them pass.

    So the process manager and the broker start while the database is migrated, which saves a second.
    """
    file = (home / GATE_FILE).open("w")
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


def wait_at_gate(home: Path) -> None:
    """Wait until the database is up to date."""
    with (home / GATE_FILE).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_SH)


def migrate() -> None:
    """Bring the database up to date, in a process of its own so that the launcher stays small.

    Raises:
        CannotStart: the migration failed; what it said stands on standard error already.
    """
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0", "--skip-checks"]
    if subprocess.run(command, cwd=BASE_DIR, check=False).returncode != 0:
        raise CannotStart("the database could not be migrated, see above")
