"""A little of the load benchmark (`bin/bench load` has the whole): no error, and every run ends exactly once."""

from pathlib import Path
from typing import Any

import psutil
import pytest

from benchmarks.load_runs import measure_runs
from benchmarks.load_uploads import measure_uploads
from benchmarks.service import Service
from tests.live.guide import SESSIONS


@pytest.fixture
def loaded(service: Any) -> Service:
    """Give the running service as the benchmark takes it, with a token where one is asked for."""
    client = Service(service.url, psutil.Process(service.process.pid))
    if service.url in SESSIONS:
        client.session.headers["Authorization"] = SESSIONS[service.url].headers["Authorization"]
    return client


def test_uploads_at_once_are_all_stored(loaded: Service, tmp_path: Path) -> None:
    found = measure_uploads(loaded, tmp_path, 5, 4)
    assert found["errors"] == []
    assert found["uploads"] == 5


def test_queued_runs_are_drained_each_once(service: Any, loaded: Service) -> None:
    found = measure_runs(loaded, 2, [service.home / "logs" / "worker.log"])
    assert found["errors"] == []
    assert found["runs"] == 2
