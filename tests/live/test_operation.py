"""What the people who run the service see and do while it works."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from tests.live.conftest import REPOSITORY, environment
from tests.live.guide import Client, play_guide

CSV = "A,B,N\n" + "".join(f"a{n % 3},b{n % 5},{n % 7}.5\n" for n in range(400))
FEEDER = {"encode_column": ["A", "B", "N"]}
SHORT = {"iter": 2, "n_hidden": [8]}
ROW = {"A": "a1", "B": "b1", "N": 1.5}
PREDICT = "service/state/predict/type/anomaly/nnid/{}/ver/1/"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Give a service with JSON logs, all of this module, and a network `kept` with a model."""
    from tests.live.conftest import start

    folder = tmp_path_factory.mktemp("operation")
    running = start(folder / "home", folder / "service.log", NNSERVICE_LOG_FORMAT="json")
    try:
        running.wait_until_ready()
        (folder / "rows.csv").write_text(CSV)
        play_guide(running.url, "kept", folder / "rows.csv", feeder=FEEDER, netconf=SHORT)
        Client(running.url).wait("kept", "succeeded")
        yield running
    finally:
        running.stop()


def manage(home: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=REPOSITORY,
        env=environment(home, {}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_is_alive_and_ready(own: Any) -> None:
    assert requests.get(f"{own.url}/healthz", timeout=10).json() == {"alive": True}
    answer = requests.get(f"{own.url}/readyz", timeout=10)
    assert answer.status_code == 200, answer.text
    assert answer.json()["parts"]["workers"]["alive"] == 1


def test_all_web_processes_count_together(own: Any) -> None:
    def counted() -> dict[tuple[str, ...], float]:
        text = requests.get(f"{own.url}/metrics", timeout=10).text
        families = text_string_to_metric_families(text)
        return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}

    key = ("nnservice_requests_total", "GET", "", "200")
    before = counted().get(key, 0)
    for _ in range(40):  # each on a connection of its own: both web processes get some
        requests.get(f"{own.url}/", timeout=10)
    now = counted()
    assert now[key] - before == 40
    assert now["nnservice_runs", "succeeded", "autoencoder_csv"] == 1
    assert now["nnservice_rows_trained_total",] == 400
    assert now["nnservice_training_seconds_total",] > 0
    assert now["nnservice_workers",] == 1


def test_logs_are_json_with_the_ids_of_requests_and_runs(own: Any, wait_for: Callable[..., None]) -> None:
    requests.get(f"{own.url}/api/v1/type/nowhere/", headers={"X-Request-ID": "look-for-me"}, timeout=10)

    def lines(program: str) -> list[dict[str, Any]]:
        text = (own.home / "logs" / f"{program}.log").read_text()
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    def seen() -> list[dict[str, Any]]:
        return [line for line in lines("web") if line.get("request_id") == "look-for-me"]

    wait_for(lambda: any(line["logger"] == "gunicorn.access" for line in seen()), seconds=10)
    access = next(line for line in seen() if line["logger"] == "gunicorn.access")
    assert (access["method"], access["path"], access["status"]) == ("GET", "/api/v1/type/nowhere/", 404)
    run = Client(own.url).get("runmanager/state/train/nnid/kept/ver/1/")
    assert [line for line in lines("worker") if line.get("run") == run["id"]]


def test_the_status_table_shows_the_worker_and_the_network(own: Any) -> None:
    told = " ".join(manage(own.home, "status").split())
    assert ": ready, open mode" in told
    assert "succeeded 1" in told
    assert "kept 1 1" in told


def test_a_backup_taken_while_it_works_gives_the_same_scores_elsewhere(
    own: Any, start_service: Any, tmp_path: Path
) -> None:
    client = Client(own.url)
    before = client.post(PREDICT.format("kept"), json={"input_data": ROW, "row_ids": ["the row"]})
    ended = threading.Event()

    def work() -> None:
        number = 0
        while not ended.is_set():
            number += 1
            (tmp_path / f"{number}.csv").write_text(CSV)
            play_guide(own.url, f"n{number}", tmp_path / f"{number}.csv", feeder=FEEDER, netconf=SHORT)
            client.wait(f"n{number}", "succeeded", "running")

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for number in range(3):
            manage(own.home, "backup", str(tmp_path / f"backup-{number}"))
    finally:
        ended.set()
        thread.join()
    manage(tmp_path / "elsewhere", "migrate")
    manage(tmp_path / "elsewhere", "restore", str(tmp_path / "backup-2"))
    other = start_service(tmp_path / "elsewhere")
    other.wait_until_ready()
    after = Client(other.url).post(PREDICT.format("kept"), json={"input_data": ROW, "row_ids": ["the row"]})
    assert after == before
    for network in Client(other.url).get("common/target/nninfo/nnid/all/")["fields"]:
        name = network["nn_id"]
        runs = Client(other.url).get(f"common/target/nninfo/nnid/{name}/version/1/")
        if runs:  # what waited or trained when the backup was made trains again
            Client(other.url).wait(name, "succeeded")
