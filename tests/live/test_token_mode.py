"""The whole service in token mode, as several people use it at once."""

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.live.conftest import REPOSITORY, environment
from tests.live.guide import SESSIONS, Client, play_guide

TOKEN_MODE = {
    "NNSERVICE_AUTH": "token",
    "NNSERVICE_QUOTA_NETWORKS": "3",
    "NNSERVICE_THROTTLE_USER": "1000/day",
    "NNSERVICE_THROTTLE_STRANGER": "30/day",
}
NETWORK = "common/target/nninfo/nnid/{}/"


def session_of(token: str) -> requests.Session:
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {token}"
    return session


@pytest.fixture
def people(start_service: Callable[..., Any], tmp_path: Path) -> Iterator[dict[str, Client]]:
    """Give clients of a service in token mode: `ann`, who made herself admin, and two editors whom she made."""
    service = start_service(**TOKEN_MODE)
    service.wait_until_ready()
    made = subprocess.run(
        [sys.executable, "manage.py", "create_admin", "ann"],
        cwd=REPOSITORY,
        env=environment(service.home, TOKEN_MODE),
        capture_output=True,
        text=True,
        check=True,
    )
    SESSIONS[service.url] = session_of(made.stdout.strip())
    clients = {"ann": Client(service.url)}
    for name in ("ben", "cat"):
        token = clients["ann"].post("access/user/", json={"user": name, "role": "editor"})["token"]
        clients[name] = Client(service.url)
        clients[name].http = session_of(token)
    clients["stranger"] = Client(service.url)
    clients["stranger"].http = requests.Session()
    yield clients
    del SESSIONS[service.url]


def test_old_scripts_need_a_header_alone_and_nobody_else_sees_what_they_made(people: dict[str, Client]) -> None:
    ben, cat = people["ben"], people["cat"]
    base = ben.base.removesuffix("/api/v1/type/")
    SESSIONS[base] = ben.http
    answers = play_guide(base, "nn992798", REPOSITORY / "examples" / "steel.csv", feeder={"label_column": "DEFECT"})
    run = answers[-1]
    ben.wait("nn992798", "succeeded")
    log = f"service/monitering/type/log/id/{run['id']}/line/5/"
    assert ben.get(log)["lines"]
    assert people["ann"].get(log)["lines"]
    assert cat.call("GET", log).status_code == 404
    for path in ("result/nnid/nn992798/ver/1/", "result/nnid/nn992798/ver/1/scores/?download=csv"):
        assert ben.call("GET", path).status_code == 200
        assert cat.call("GET", path).status_code == 404
    assert cat.get(NETWORK.format("all"))["fields"] == []
    entries = people["ann"].get("access/audit/?user=ben")
    assert [entry["status"] for entry in entries] == [200] * 8
    SESSIONS[base] = people["ann"].http


def test_limits_hold_over_all_web_processes_at_once(people: dict[str, Client]) -> None:
    def answer(verb: str, name: str, path: str) -> int:
        client = people[name]
        options = {"json": {}} if verb == "POST" else {}
        return requests.request(verb, client.base + path, headers=dict(client.http.headers), **options).status_code

    with ThreadPoolExecutor(16) as pool:
        made = Counter(pool.map(lambda n: answer("POST", "cat", NETWORK.format(f"race{n}")), range(20)))
        drawn = Counter(pool.map(lambda _: answer("POST", "ben", NETWORK.format("new")), range(20)))
        tried = Counter(pool.map(lambda _: answer("GET", "stranger", "access/self/"), range(60)))
    assert made == drawn == {200: 3, 429: 17}
    assert tried == {401: 30, 429: 30}
