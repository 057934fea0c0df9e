"""The web server's worker, as the program `web` starts it, with a small application: it reads what it is sent."""

import json
import os
import select
import socket
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPResponse
from pathlib import Path
from typing import Any

import pytest
import requests

from nnservice.programs import web
from nnservice.web_worker import MOST_WAITING, is_upload
from tests.servers import free_port

REPOSITORY = Path(__file__).resolve().parents[2]
UPLOAD = "/api/v1/type/wf/state/framedata/src/local/form/raw/prg/source/nnid/n/ver/1/node/datasrc/"
BYTES = 10
ORDINARY_THREADS = 8


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer with how many bytes came."""
    count = str(len(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))).encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(count)))])
    return [count]


@contextmanager
def serving(home: Path, **variables: str) -> Iterator[int]:
    """Run the web server, one process, with the application of this file; give its port."""
    port = free_port()
    command = [word.replace("nnservice.wsgi", f"tests.nnservice.{Path(__file__).stem}") for word in web(home)]
    command[command.index("--bind") + 1] = f"127.0.0.1:{port}"
    command[command.index("--workers") + 1] = "1"
    settings = {"NNSERVICE_HOME": str(home), "DJANGO_SETTINGS_MODULE": "nnservice.settings", **variables}
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=REPOSITORY, env={**os.environ, **settings}, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        while not answers(port):
            assert process.poll() is None, (home / "log").read_text()
        yield port
    finally:
        process.terminate()
        process.wait(20)


def answers(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/", timeout=20).ok
    except requests.ConnectionError:
        return False


def begin_upload(port: int, path: str = UPLOAD) -> socket.socket:
    """Send an upload but for its last byte."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=60)
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {BYTES}\r\n\r\n"
    connection.sendall(head.encode() + b"x" * (BYTES - 1))
    return connection


def end(uploads: Iterable[socket.socket]) -> set[tuple[int, str]]:
    """Send the last byte of each, then read the answers."""
    uploads = list(uploads)
    for connection in uploads:
        connection.sendall(b"x")
    return {(answer.status, answer.read().decode()) for answer in map(read_answer, uploads)}


def read_answer(connection: socket.socket) -> HTTPResponse:
    answer = HTTPResponse(connection)
    answer.begin()
    return answer


def test_uploads_that_take_long_hold_no_thread_that_others_need(tmp_path: Path) -> None:
    with serving(tmp_path, NNSERVICE_UPLOADS_AT_ONCE="4") as port, ExitStack() as stack:
        uploads = [stack.enter_context(begin_upload(port)) for _ in range(3 * ORDINARY_THREADS)]
        assert answers(port)  # or it times out: none of the uploads has ended
        assert end(uploads) == {(200, str(BYTES))}


def test_a_connection_that_is_kept_open_serves_uploads_and_others_in_turn(tmp_path: Path) -> None:
    with serving(tmp_path) as port, requests.Session() as session:
        for _ in range(3):
            url = f"http://127.0.0.1:{port}"
            assert session.post(url + UPLOAD, data=b"x" * 100_000, timeout=20).text == "100000"
            assert session.get(url, timeout=20).text == "0"
            assert session.post(url, data=b"x" * 100, timeout=20).text == "100"


def test_an_upload_too_many_is_told_to_come_back(tmp_path: Path) -> None:
    with serving(tmp_path, NNSERVICE_UPLOADS_AT_ONCE="1") as port, ExitStack() as stack:
        uploads = [stack.enter_context(begin_upload(port)) for _ in range(MOST_WAITING + 3)]
        refused: set[socket.socket] = set()
        while len(refused) < 2:
            answered = select.select(set(uploads) - refused, [], [], 20)[0]
            assert answered
            refused.update(answered)
        for upload in refused:
            answer = read_answer(upload)
            assert (answer.status, answer.headers["Retry-After"]) == (503, "30")
            assert "too many uploads" in json.load(answer)["result"]
        assert end(set(uploads) - refused) == {(200, str(BYTES))}
        with begin_upload(port) as later:
            assert end([later]) == {(200, str(BYTES))}


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (f"POST {UPLOAD} HTTP/1.1\r\nHost: a\r\n", True),
        (f"GET {UPLOAD} HTTP/1.1\r\nHost: a\r\n", False),
        (f"POST / HTTP/1.1\r\nReferer: {UPLOAD}\r\n", False),
        ("PO", False),
        ("", False),
    ],
)
def test_an_upload_is_known_by_its_first_line(sent: str, expected: bool) -> None:
    here, there = socket.socketpair()
    with here, there:
        there.sendall(sent.encode())
        assert is_upload(here) is expected
        there.sendall(b".")
        assert here.recv(4096) == sent.encode() + b".", "nothing was taken from it"
