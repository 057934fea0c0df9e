"""Data at the edge of what can be learned from, through real servers: a clear word, and nothing lost."""

import csv
import io
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from tests.live.guide import Client, http

HEADER = ("KIND", "HEAT", "LOAD", "SITE", "DEFECT")
NETCONF = {"iter": 10, "n_hidden": [16, 8]}
FEEDER = {"label_column": "DEFECT"}

Row = Sequence[Any]


def machine_rows(count: int, seed: int = 0, *, site: int = 7) -> list[Row]:
    """Return rows of a category that decides about two numbers, a column that never varies, and a rare label."""
    rng = random.Random(seed)
    rows = []
    for _ in range(count):
        kind = rng.randrange(3)
        heat, load = 40 * kind + rng.gauss(0, 3), rng.gauss(kind, 1)
        rows.append(("xyz"[kind], round(heat, 3), round(load, 3), site, int(rng.random() < 0.05)))
    return rows


def csv_of(rows: Sequence[Row], header: Row = HEADER) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([header, *rows])
    return text.getvalue().encode()


@dataclass
class Network:
    """One network with version 1, an autoencoder workflow, and calls to it."""

    client: Client
    name: str

    def __post_init__(self) -> None:
        self.at = f"nnid/{self.name}/ver/1"
        self.client.post(f"common/target/nninfo/nnid/{self.name}/", json={})
        self.client.post(f"common/target/nninfo/nnid/{self.name}/version/", json={"active_flag": "Y"})
        self.client.post(f"wf/target/init/mode/simple/{self.name}/wfver/1/", json={"type": "autoencoder_csv"})

    def upload(self, content: bytes, node: str = "datasrc") -> dict[str, Any]:
        path = f"wf/state/framedata/src/local/form/raw/prg/source/{self.at}/node/{node}/"
        answer: dict[str, Any] = self.client.post(path, files={"file": ("rows.csv", content)})
        return answer

    def train(self, feeder: dict[str, Any] = FEEDER, netconf: dict[str, Any] = NETCONF) -> dict[str, Any]:
        """Train; return the run once it ended."""
        self.client.post(f"wf/state/pre/detail/feed/src/frame/net/autoencoder/{self.at}/node/feed_train/", json=feeder)
        self.client.post(f"wf/state/netconf/detail/autoencoder/{self.at}/node/netconf_node/", json=netconf)
        self.client.post(f"runmanager/state/train/{self.at}/")
        return self.client.wait(self.name, "succeeded", "failed")

    def result(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.client.get(f"result/{self.at}/")
        return answer

    def scores(self, node: str = "datasrc") -> list[dict[str, Any]]:
        """Return the scores of a node by row."""
        path = f"result/{self.at}/scores/?node={node}&sort=row&page_size=1000"
        rows: list[dict[str, Any]] = self.client.get(path)["scores"]
        return rows

    def predict(self, *rows: dict[str, Any]) -> list[dict[str, Any]]:
        path = f"service/state/predict/type/anomaly/{self.at}/"
        answers: list[dict[str, Any]] = self.client.post(path, json={"input_data": rows})["rows"]
        return answers


@pytest.fixture
def network(service: Any, request: pytest.FixtureRequest) -> Network:
    """Give a new network of the test's name."""
    return Network(Client(service.url), request.node.name.removeprefix("test_")[:50])


@pytest.fixture(scope="module")
def trained(service: Any) -> Network:
    """Give a network trained on 500 rows, with 100 others for its evaluation."""
    network = Network(Client(service.url), "bad-input")
    network.upload(csv_of(machine_rows(500)))
    later = [list(row) for row in machine_rows(100, seed=1, site=8)]
    later[17][1] = 1e30
    network.upload(csv_of(later), "evaldata")
    assert network.train()["state"] == "succeeded"
    return network


@pytest.mark.parametrize("value", [1e6, 1e30, -1e30, 1.7e308, -1.7e308])
def test_values_beyond_anything_trained_are_flagged_with_finite_scores_above_all_others(
    trained: Network, value: float
) -> None:
    row = {"KIND": "x", "HEAT": 0.0, "LOAD": 0.0, "SITE": 7}
    usual, heat, both = trained.predict(row, row | {"HEAT": value}, row | {"HEAT": value, "LOAD": -value})
    most = max(scored["score"] for scored in trained.scores())
    for answer in (heat, both):
        assert math.isfinite(answer["score"])
        assert answer["anomaly"]
        assert answer["score"] > most
        assert max(answer["contributions"], key=answer["contributions"].get) in ("HEAT", "LOAD")
    assert not usual["anomaly"]


def test_such_a_value_in_the_evaluation_data_is_the_first_anomaly(trained: Network) -> None:
    scores = trained.scores("evaldata")
    assert all(math.isfinite(row["score"]) for row in scores)
    assert max(scores, key=lambda row: row["score"])["row"] == 17


def test_a_column_that_never_varied_and_does_later_is_told_of(trained: Network) -> None:
    notices = trained.result()["notices"]
    assert any("the same value in every row of SITE" in notice for notice in notices)
    assert any("evaldata: SITE was '7' in every training row" in notice for notice in notices)
    row = {"KIND": "x", "HEAT": 0.0, "LOAD": 0.0}
    same, other = trained.predict(row | {"SITE": 7}, row | {"SITE": 9})
    assert same["notices"] == []
    assert "SITE was '7' in every training row" in other["notices"][0].replace(":", "")
    assert other["score"] == same["score"]


def test_a_number_that_is_text_in_a_late_row_is_named_by_row_and_value(network: Network) -> None:
    content = b"N,M\n" + b"".join(b"%d,%d.5\n" % (n % 97, n % 89) for n in range(300_000)) + b"oops,1\n"
    (file,) = network.upload(content)["files"]
    assert file["rows"] == 300_001
    assert file["columns"][0] == {
        "name": "N",
        "type": "text",
        "missing": 0,
        "first_text": {"row": 300_001, "value": "oops"},
    }
    assert "N (row 300001: 'oops')" in file["notices"][0]


def test_one_row_is_refused_and_more_rows_train(network: Network) -> None:
    network.upload(csv_of(machine_rows(1)))
    run = network.train()
    assert run["state"] == "failed"
    assert "there is only one row" in run["error"]
    network.upload(csv_of(machine_rows(50)))
    assert network.train()["state"] == "succeeded"
    assert len(network.scores()) == 50


def test_no_row_that_is_normal_is_refused_with_what_helps(network: Network) -> None:
    network.upload(csv_of([(*row[:4], 1) for row in machine_rows(50)]))
    run = network.train(FEEDER | {"train_on": "normal"})
    assert run["state"] == "failed"
    assert "no row is labelled normal; correct the labels or set train_on to 'all'" in run["error"]


def test_more_categories_than_rows_is_told_of_and_trains(network: Network) -> None:
    rows = [(f"part-{number}", *row[1:]) for number, row in enumerate(machine_rows(60))]
    network.upload(csv_of(rows))
    assert network.train(FEEDER | {"vocab_size": 10})["state"] == "succeeded"
    (notice,) = (notice for notice in network.result()["notices"] if "KIND" in notice)
    assert "10 of " in notice
    assert "vocab_size" in notice
    assert network.train(FEEDER | {"vocab_size": 1000})["state"] == "succeeded"
    seen, unseen = network.predict(*({"KIND": kind, "HEAT": 0, "LOAD": 0, "SITE": 7} for kind in ("part-5", "part-99")))
    assert math.isfinite(unseen["score"])
    assert seen["notices"] == []
    assert "'part-99' was not seen in training" in unseen["notices"][0]


def test_a_training_beyond_its_memory_says_what_was_used_and_what_helps(start_service: Callable[..., Any]) -> None:
    service = start_service(NNSERVICE_TRAINING_MEMORY_MB="150")
    service.wait_until_ready()
    network = Network(Client(service.url), "memory")
    network.upload(csv_of(machine_rows(50)))
    run = network.train()
    assert run["state"] == "failed"
    assert "MB of memory; the limit is 150 MB (NNSERVICE_TRAINING_MEMORY_MB); use fewer rows" in run["error"]
    assert http(service.url).get(service.url, timeout=10).status_code == 200
