"""What every test may use: a state folder of its own, a real broker in it, and the shared datasets.

With TEST_DATABASE_URL and TEST_REDIS_URL set, as tests.servers does, everything runs on those servers instead of SQLite
and the embedded broker.

Nobody consumes the broker's queue here, so that tests of the API publish for real and nothing is trained; tests/live
starts the whole service.
"""

import atexit
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import django
import pytest
import redis

REPOSITORY = Path(__file__).resolve().parent.parent

# Before Django reads its settings, which pytest-django does once this file is loaded (DJANGO_SETTINGS_MODULE in
# pyproject.toml would make it do so earlier): the tests never touch an installation's state, database or broker.
os.environ["NNSERVICE_HOME"] = tempfile.mkdtemp(prefix="nnservice-tests-")
ON_SERVERS = bool(os.environ.get("TEST_DATABASE_URL") and os.environ.get("TEST_REDIS_URL"))
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings" if ON_SERVERS else "nnservice.settings"
for variable in ("DATABASE_URL", "REDIS_URL", "STORAGE_URL", "NNSERVICE_SECRET_KEY"):
    os.environ.pop(variable, None)
# Small graphs: several OpenMP threads, spinning while they wait, take ten times as long on a busy machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
django.setup()
atexit.register(shutil.rmtree, os.environ["NNSERVICE_HOME"], ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if ON_SERVERS and item.get_closest_marker("embedded"):
            item.add_marker(pytest.mark.skip(reason="about SQLite or the embedded broker"))


@contextmanager
def _broker(home: Path) -> Iterator[Path]:
    from nnservice.home import socket_path
    from nnservice.programs import valkey

    (home / "valkey").mkdir(parents=True, exist_ok=True)
    path = socket_path(home)
    server = subprocess.Popen(valkey(home), stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 10
        while not path.exists():
            assert server.poll() is None, "the embedded broker ended at its start"
            assert time.monotonic() < deadline, "the embedded broker does not listen"
            time.sleep(0.01)
        yield path
    finally:
        server.terminate()
        assert server.wait(timeout=10) == 0


@pytest.fixture(scope="session")
def run_broker() -> Callable[[Path], AbstractContextManager[Path]]:
    """Give a context that runs the embedded broker in a state folder and yields its socket."""
    return _broker


@pytest.fixture(scope="session", autouse=True)
def broker() -> Iterator[Path | None]:
    """Run the embedded broker of the tests' own state folder and give its socket; None on real servers."""
    if ON_SERVERS:
        from django.conf import settings

        redis.Redis.from_url(settings.CELERY_BROKER_URL).flushdb()
        yield None
        return
    with _broker(Path(os.environ["NNSERVICE_HOME"])) as path:
        yield path


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Give the folder of real datasets; absent, the test is skipped, or fails under REQUIRE_SHARED_DATA=1."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        reason = "the datasets of ../shared/data are not here"
        if os.environ.get("REQUIRE_SHARED_DATA") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return folder
