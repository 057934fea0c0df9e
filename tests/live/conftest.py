"""The whole service as a person starts it: `python -m nnservice` on a free port, in a state folder of its own.

With TEST_DATABASE_URL and TEST_REDIS_URL set, the service that most tests share runs on those servers.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
import redis
import requests

from tests.live.guide import SESSIONS
from tests.servers import free_port as find_free_port
from tests.servers import new_database, with_database

REPOSITORY = Path(__file__).resolve().parents[2]
OWN = ("DJANGO_SETTINGS_MODULE", "NNSERVICE_HOME", "PORT", "REDIS_URL", "DATABASE_URL", "STORAGE_URL", "WEB_WORKERS")

# Under nohup, or in the background of a script, these are ignored, and a service started here would inherit that.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker("live")


@dataclass
class Service:
    """A running service. `seen` gathers every process it ever had, for the check that none is left."""

    home: Path
    port: int
    process: subprocess.Popen[str]
    log: Path
    seen: set[psutil.Process] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def wait_until_ready(self) -> None:
        wait_for(lambda: " is ready on " in self.log.read_text() or self.process.poll() is not None, seconds=90)
        assert self.process.poll() is None, self.log.read_text()
        self.family()

    def family(self) -> set[psutil.Process]:
        """Return the processes of the service now."""
        launcher = psutil.Process(self.process.pid)
        now = {launcher, *launcher.children(recursive=True)}
        self.seen |= now
        return now

    def running(self, pattern: str) -> set[psutil.Process]:
        """Return its processes whose command line matches."""
        return {process for process in self.family() if re.search(pattern, command_line(process))}

    def answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/", timeout=10).status_code == 200
        except requests.ConnectionError:
            return False

    def stop(self, signum: int = signal.SIGTERM) -> int:
        """Stop it, and return its exit status."""
        if self.process.poll() is None:
            self.family()
            self.process.send_signal(signum)
        return self.process.wait(timeout=30)

    def left(self) -> list[str]:
        """Return what is left of it: processes and sockets."""
        processes = [repr(process) for process in self.seen if is_alive(process)]
        return processes + [str(path) for path in self.home.rglob("*") if path.is_socket()]


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def command_line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def wait_for(holds: Callable[[], bool], *, seconds: float) -> None:
    """Poll until the condition holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def servers() -> dict[str, str]:
    """Return the settings for a service of its own on the real servers; none where there are none."""
    database, broker = os.environ.get("TEST_DATABASE_URL"), os.environ.get("TEST_REDIS_URL")
    if not (database and broker):
        return {}
    redis_url = with_database(broker, "2")
    redis.Redis.from_url(redis_url).flushdb()
    return {"DATABASE_URL": new_database(database, "nnservice_live"), "REDIS_URL": redis_url}


def session_of_admin(service: Service, variables: dict[str, str]) -> requests.Session:
    """Make the first admin, and a session that carries the token."""
    made = subprocess.run(
        [sys.executable, "manage.py", "create_admin", "live"],
        cwd=REPOSITORY,
        env=environment(service.home, variables),
        capture_output=True,
        text=True,
        check=True,
    )
    token = re.search(r"nns_\w+", made.stdout)
    assert token, made.stdout
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {token[0]}"
    return session


def environment(home: Path, variables: dict[str, str]) -> dict[str, str]:
    """Return the environment of a service: nothing of the tests' own settings."""
    clean = {key: value for key, value in os.environ.items() if key not in OWN}
    return {**clean, "NNSERVICE_HOME": str(home), **variables}


def start(home: Path, log: Path, **variables: str) -> Service:
    """Start the launcher; it is not ready yet."""
    variables.setdefault("PORT", str(find_free_port()))
    with log.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "nnservice"],
            cwd=REPOSITORY,
            env=environment(home, variables),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            text=True,
        )
    return Service(home, int(variables["PORT"]), process, log)


@pytest.fixture
def free_port() -> int:
    return find_free_port()


@pytest.fixture(name="wait_for", scope="session")
def wait_for_fixture() -> Callable[..., None]:
    return wait_for


@pytest.fixture
def start_service(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Give a function that starts services of this test; they are stopped afterwards."""
    started: list[Service] = []

    def start_one(home: Path | None = None, **variables: str) -> Service:
        service = start(home or tmp_path / "home", tmp_path / f"service-{len(started)}.log", **variables)
        started.append(service)
        return service

    yield start_one
    for service in started:
        service.stop()


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Give one running service, `url`, `home` and `process`, for all tests; nothing of it is left afterwards."""
    folder = tmp_path_factory.mktemp("live")
    variables = servers()
    running = start(folder / "home", folder / "service.log", **variables)
    try:
        running.wait_until_ready()
        if variables:  # there strangers are refused
            SESSIONS[running.url] = session_of_admin(running, variables)
        yield running
    finally:
        running.stop()
        assert not running.left()
