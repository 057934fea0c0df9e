"""Runs under contention, interrupted, repeated and rolled back."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.live.guide import Client, http, play_guide

CSV = "A,B,N\n" + "".join(f"a{n % 3},b{n % 5},{n % 7}.5\n" for n in range(400))
ENDLESS = {"iter": 1_000_000, "n_hidden": [64]}
SHORT = {"iter": 2, "n_hidden": [8]}
FEEDER = {"encode_column": ["A", "B", "N"]}
TRAIN = "runmanager/state/train/nnid/{}/ver/1/"
NETCONF = "wf/state/netconf/detail/autoencoder/nnid/{}/ver/1/node/netconf_node/"
RUNS = "common/target/nninfo/nnid/{}/version/1/"


@pytest.fixture
def client(service: Any) -> Client:
    return Client(service.url)


@pytest.fixture
def begin(service: Any, client: Client, tmp_path: Path, request: pytest.FixtureRequest) -> Any:
    """Give a function that makes a network of the test's name and starts its first run; end what still runs."""
    csv = tmp_path / "rows.csv"
    csv.write_text(CSV)
    name = "".join(c if c.isalnum() else "-" for c in request.node.name)[:50]

    def start(netconf: dict[str, Any]) -> str:
        play_guide(service.url, name, csv, feeder=FEEDER, netconf=netconf)
        return name

    yield start
    client.call("DELETE", TRAIN.format(name))


Begin = Callable[[dict[str, Any]], str]


def test_of_100_simultaneous_posts_one_starts_a_run_and_the_others_hear_409(
    service: Any, client: Client, begin: Begin
) -> None:
    name = begin(SHORT)
    client.wait(name, "succeeded")
    url = f"{service.url}/api/v1/type/{TRAIN.format(name)}"
    client.call("PUT", NETCONF.format(name), json={"iter": 3000})
    with ThreadPoolExecutor(100) as pool:
        answers = list(pool.map(lambda _: http(service.url).post(url, timeout=60), range(100)))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 99}
    assert client.wait(name, "succeeded")["nn_batch_ver_id"] == 2
    assert [run["state"] for run in client.get(RUNS.format(name))] == ["succeeded", "succeeded"]


def test_a_running_run_is_cancelled_and_another_can_start(client: Client, begin: Begin) -> None:
    name = begin(ENDLESS)
    client.wait(name, "running")
    assert client.call("PUT", TRAIN.format(name), json={"state": "stop"}).status_code == 200
    run = client.wait(name, "cancelled", seconds=20)
    assert (run["condition"], run["error"]) == ("1", "cancelled on request")
    assert client.call("DELETE", TRAIN.format(name)).status_code == 409
    client.call("PUT", NETCONF.format(name), json=SHORT)
    client.post(TRAIN.format(name))
    client.wait(name, "succeeded")


def test_nothing_is_deleted_or_replaced_under_a_training(service: Any, client: Client, begin: Begin) -> None:
    name = begin(ENDLESS)
    client.wait(name, "running")
    data = f"wf/state/framedata/src/local/form/raw/prg/source/nnid/{name}/ver/1/node/datasrc/"
    for path, options in (
        (f"common/target/nninfo/nnid/{name}/", {}),
        (f"common/target/nninfo/nnid/{name}/version/", {"json": {"nn_wf_ver_id": 1}}),
        (RUNS.format(name), {"json": {"nn_batch_ver_id": 1}}),
        (f"wf/target/init/mode/simple/{name}/wfver/1/", {}),
        (data, {}),
    ):
        assert client.call("DELETE", path, **options).status_code == 409, path
    replaced = client.call("POST", data, files={"f": ("rows.csv", CSV)})
    assert replaced.status_code == 409
    assert client.wait(name, "running")["state"] == "running"
    client.call("DELETE", TRAIN.format(name))
    run = client.wait(name, "cancelled", seconds=20)
    assert client.call("DELETE", f"common/target/nninfo/nnid/{name}/").status_code == 200
    assert not (Path(service.home) / "files" / "runs" / run["id"]).exists()
    assert not (Path(service.home) / "jobs" / run["id"]).exists()


def test_an_earlier_run_can_be_pinned_released_and_deleted(client: Client, begin: Begin) -> None:
    name = begin(SHORT)
    first = client.wait(name, "succeeded")
    client.call("PUT", NETCONF.format(name), json={"seed": 1})
    client.post(TRAIN.format(name))
    second = client.wait(name, "succeeded")

    def served() -> str:
        body = {"input_data": {"A": "a1", "B": "b1", "N": 1.5}}
        return str(client.post(f"service/state/predict/type/anomaly/nnid/{name}/ver/1/", json=body)["run"])

    assert served() == second["id"]
    assert client.call("PUT", RUNS.format(name), json={"nn_batch_ver_id": 1, "active_flag": "Y"}).status_code == 200
    assert served() == first["id"]
    assert client.get(f"result/nnid/{name}/ver/1/")["id"] == first["id"]
    assert client.get(f"result/nnid/{name}/ver/1/?run=2")["id"] == second["id"]
    assert client.call("DELETE", RUNS.format(name), json={"nn_batch_ver_id": 1}).status_code == 409, "it serves"
    assert client.call("PUT", RUNS.format(name), json={"nn_batch_ver_id": 1, "active_flag": "N"}).status_code == 200
    assert client.call("DELETE", RUNS.format(name), json={"nn_batch_ver_id": 1}).status_code == 200
    assert [run["nn_batch_ver_id"] for run in client.get(RUNS.format(name))] == [2]
    assert served() == second["id"]


def test_a_run_that_cannot_train_fails_with_the_reason_and_condition_4(client: Client, begin: Begin) -> None:
    name = begin(SHORT)
    client.wait(name, "succeeded")
    client.call("PUT", NETCONF.format(name), json={"learning_rate": 10, "iter": 500, "recipe": "contaminated"})
    feeder = f"wf/state/pre/detail/feed/src/frame/net/autoencoder/nnid/{name}/ver/1/node/feed_train/"
    client.call("PUT", feeder, json={"label_column": "A", "encode_column": ["B", "N"]})
    client.post(TRAIN.format(name))
    run = client.wait(name, "failed")
    assert run["condition"] == "4"
    assert "label column A" in run["error"]
    assert "'a0', 'a1', 'a2'" in run["error"]
    assert client.get(f"result/nnid/{name}/ver/1/")["nn_batch_ver_id"] == 1, "the earlier model still serves"
