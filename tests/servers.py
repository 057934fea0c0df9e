"""A real PostgreSQL and a real Redis for the tests: `python -m tests.servers COMMAND` runs a command beside them.

They are Debian's packages (`apt-get install postgresql redis-server`) in private folders on free ports, and end with
the command; or those that `TEST_DATABASE_URL` and `TEST_REDIS_URL` name. The command finds both variables set.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import redis

NEEDED = "apt-get install postgresql redis-server, or set TEST_DATABASE_URL and TEST_REDIS_URL"
UNPRIVILEGED = "nobody"
START_SECONDS = 30


class CannotStart(RuntimeError):
    """A server is not installed or does not start; the message says what helps."""


@contextmanager
def both() -> Iterator[dict[str, str]]:
    """Give `TEST_DATABASE_URL` and `TEST_REDIS_URL` of running servers, started here unless the environment names them.

    Raises:
        CannotStart: a server is not installed or does not start.
    """
    with ExitStack() as stack:
        yield {
            "TEST_DATABASE_URL": os.environ.get("TEST_DATABASE_URL") or stack.enter_context(postgresql()),
            "TEST_REDIS_URL": os.environ.get("TEST_REDIS_URL") or stack.enter_context(redis_server()),
        }


@contextmanager
def postgresql() -> Iterator[str]:
    """Run PostgreSQL on a free port of the loopback; give the URL of its administrator."""
    programs = _programs()
    # Not under a private folder: the server runs as another user when this one is root, which it refuses.
    with _folder() as folder:
        _run(programs / "initdb", "-D", folder / "data", "-U", "nnservice", "-A", "trust", "-E", "UTF8", "--no-sync")
        port = free_port()
        command = [
            *(programs / "postgres", "-D", folder / "data", "-p", port, "-k", folder),
            *("-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "max_connections=200"),
        ]
        url = f"postgres://nnservice@127.0.0.1:{port}/postgres"
        with _server(command, folder / "log", lambda: psycopg.connect(url, connect_timeout=2).close(), signal.SIGINT):
            yield url


@contextmanager
def redis_server() -> Iterator[str]:
    """Run Redis on a free port of the loopback, as docker-compose.yml does; give its URL."""
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        raise CannotStart(f"redis-server is not installed: {NEEDED}")
    with _folder() as folder:
        port = free_port()
        command = [
            *(program, "--port", port, "--bind", "127.0.0.1", "--dir", folder, "--appendonly", "yes"),
            *("--save", "", "--maxmemory-policy", "noeviction"),
        ]
        url = f"redis://127.0.0.1:{port}/0"
        with _server(command, folder / "log", lambda: redis.Redis.from_url(url).ping(), signal.SIGTERM):
            yield url


def free_port() -> int:
    """Return a port of the loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def new_database(url: str, name: str) -> str:
    """Make an empty database on a server, in place of one of that name; return its URL."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    return f"{url.rpartition('/')[0]}/{name}"


def _programs() -> Path:
    """Return the folder of PostgreSQL's programs, which Debian keeps off the PATH."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda p: int(p.parts[-3]))
    found = installed[-1] if installed else shutil.which("postgres")
    if found is None:
        raise CannotStart(f"postgresql is not installed: {NEEDED}")
    return Path(found).resolve().parent


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="nnservice-server-", ignore_cleanup_errors=True) as name:
        if os.geteuid() == 0:
            shutil.chown(name, UNPRIVILEGED)
        yield Path(name)


def _as_user() -> dict[str, object]:
    return {"user": UNPRIVILEGED, "extra_groups": []} if os.geteuid() == 0 else {}


def _run(*command: object) -> None:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, **_as_user())
    if done.returncode != 0:
        raise CannotStart(f"{command[0]} failed: {done.stderr.strip()}")


@contextmanager
def _server(command: list[object], log: Path, ping: Callable[[], object], stop: signal.Signals) -> Iterator[None]:
    with log.open("w") as output:
        process = subprocess.Popen(
            [str(part) for part in command], stdout=output, stderr=output, cwd=log.parent, **_as_user()
        )
    try:
        _wait(process, log, ping)
        yield
    finally:
        process.send_signal(stop)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait(process: "subprocess.Popen[bytes]", log: Path, ping: Callable[[], object]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            ping()
        except (psycopg.OperationalError, redis.RedisError) as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise CannotStart(f"{process.args[0]} does not start: {log.read_text()[-2000:]}") from error
            time.sleep(0.05)
        else:
            return


def main(command: list[str]) -> int:
    try:
        with both() as urls:
            return subprocess.run(command, env=os.environ | urls, check=False).returncode
    except CannotStart as error:
        sys.exit(f"tests.servers: {error}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
