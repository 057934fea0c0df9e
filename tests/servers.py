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
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import redis

NEEDED = "apt-get install postgresql redis-server, or set TEST_DATABASE_URL and TEST_REDIS_URL"
UNPRIVILEGED = "nobody"
START_SECONDS = 30


class CannotStart(RuntimeError):
    """A server is not installed or does not start; the message says what helps."""


@dataclass
class Server:
    """A server that may die: it is started again on its port, with what it kept."""

    url: str
    command: list[str]
    log: Path
    ping: Callable[[], object]
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> None:
        """Start it, and return when it answers; raise CannotStart if it does not."""
        with self.log.open("a") as output:
            self.process = subprocess.Popen(
                self.command, stdout=output, stderr=output, cwd=self.log.parent, **_as_user()
            )
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.ping()
            except (psycopg.OperationalError, redis.RedisError) as error:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise CannotStart(f"{self.command[0]} does not start: {self.log.read_text()[-2000:]}") from error
                time.sleep(0.05)
            else:
                return

    def end(self, how: signal.Signals) -> None:
        """Send it a signal, and wait until it has ended."""
        if self.process is None:
            return
        self.process.send_signal(how)
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def both(*, durable: bool = False) -> Iterator[dict[str, str]]:
    """Give `TEST_DATABASE_URL` and `TEST_REDIS_URL` of running servers, started here unless the environment names them.

    A `durable` PostgreSQL syncs what it commits, as one in production does.

    Raises:
        CannotStart: a server is not installed or does not start.
    """
    with ExitStack() as stack:
        yield {
            "TEST_DATABASE_URL": os.environ.get("TEST_DATABASE_URL")
            or stack.enter_context(postgresql(durable=durable)).url,
            "TEST_REDIS_URL": os.environ.get("TEST_REDIS_URL") or stack.enter_context(redis_server()).url,
        }


@contextmanager
def postgresql(*, durable: bool = False) -> Iterator[Server]:
    """Run PostgreSQL on a free port of the loopback; its URL is the administrator's."""
    programs = _programs()
    # Not under a private folder: the server runs as another user when this one is root, which it refuses.
    with _folder() as folder:
        _run(programs / "initdb", "-D", folder / "data", "-U", "nnservice", "-A", "trust", "-E", "UTF8", "--no-sync")
        port = free_port()
        command = [
            *(programs / "postgres", "-D", folder / "data", "-p", port, "-k", folder),
            *("-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200"),
            *("-c", f"fsync={'on' if durable else 'off'}"),
        ]
        url = f"postgres://nnservice@127.0.0.1:{port}/postgres"
        server = Server(url, _words(command), folder / "log", lambda: psycopg.connect(url, connect_timeout=2).close())
        with _running(server, signal.SIGINT):
            yield server


@contextmanager
def redis_server() -> Iterator[Server]:
    """Run Redis on a free port of the loopback, as docker-compose.yml does."""
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
        server = Server(url, _words(command), folder / "log", lambda: redis.Redis.from_url(url).ping())
        with _running(server, signal.SIGTERM):
            yield server


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
    return with_database(url, name)


def with_database(url: str, name: str) -> str:
    """Return the URL of another database of a server."""
    return urlsplit(url)._replace(path=f"/{name}").geturl()


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
    done = subprocess.run(_words(list(command)), capture_output=True, text=True, check=False, **_as_user())
    if done.returncode != 0:
        raise CannotStart(f"{command[0]} failed: {done.stderr.strip()}")


@contextmanager
def _running(server: Server, stop: signal.Signals) -> Iterator[None]:
    try:
        server.start()
        yield
    finally:
        server.end(stop)


def _words(command: list[object]) -> list[str]:
    return [str(part) for part in command]


def main(command: list[str]) -> int:
    try:
        with both() as urls:
            return subprocess.run(command, env=os.environ | urls, check=False).returncode
    except CannotStart as error:
        sys.exit(f"tests.servers: {error}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
