"""A little of the load benchmark (`bin/bench load` has the whole): no error, and every run ends exactly once."""

from contextlib import ExitStack, closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import psutil
import pytest

from benchmarks.load_runs import measure_runs
from benchmarks.load_uploads import measure_uploads
from benchmarks.service import Service, data_path, make_network
from tests.live.guide import SESSIONS

UPLOADS = 24
RUNS = 10
"""A tenth of what the benchmark queues."""
REST = b"1,2\n3,4\n\r\n--x--\r\n"


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


def test_others_are_answered_while_more_uploads_are_slow_than_there_are_threads(loaded: Service) -> None:
    make_network(loaded, "slow")
    with ExitStack() as stack:
        uploads = [stack.enter_context(closing(begin_upload(loaded, number))) for number in range(UPLOADS)]
        for url in (f"{loaded.api}/{data_path('slow')}", urljoin(loaded.api, "/healthz")):
            for _ in range(4):  # to one process or another, as it happens
                assert loaded.session.get(url, timeout=60).status_code == 200
        for upload in uploads:
            upload.send(REST)
        assert {upload.getresponse().status for upload in uploads} == {200}


def begin_upload(service: Service, number: int) -> HTTPConnection:
    """Send an upload without its end."""
    head = f'--x\r\nContent-Disposition: form-data; name="f"; filename="{number}.csv"\r\n\r\na,b\n'.encode()
    connection = HTTPConnection(urlsplit(service.api).netloc, timeout=300)
    connection.putrequest("POST", f"{urlsplit(service.api).path}/{data_path('slow')}")
    for name, value in service.session.headers.items():
        connection.putheader(name, value)
    connection.putheader("Content-Type", "multipart/form-data; boundary=x")
    connection.putheader("Content-Length", str(len(head) + len(REST)))
    connection.endheaders(head)
    return connection


def test_queued_runs_are_drained_each_once(service: Any, loaded: Service) -> None:
    found = measure_runs(loaded, RUNS, [service.home / "logs" / "worker.log"])
    assert found["errors"] == []
    assert found["runs"] == RUNS
