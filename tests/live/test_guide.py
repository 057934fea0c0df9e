"""The main job, with real clients, a real server and a real worker."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.live.guide import GUIDE_COLUMNS, Client, http, play_guide

STEEL = Path(__file__).resolve().parents[2] / "examples" / "steel.csv"
NAME = "nn992798"


@pytest.fixture(scope="module")
def answers(service: Any) -> list[Any]:
    made = play_guide(service.url, NAME, STEEL)
    Client(service.url).wait(NAME, "succeeded")
    return made


@pytest.fixture(scope="module")
def client(service: Any, answers: list[Any]) -> Client:
    return Client(service.url)


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    with STEEL.open(newline="") as file:
        return [
            {name: row[name] if not _is_number(row[name]) else float(row[name]) for name in GUIDE_COLUMNS}
            for row in csv.DictReader(file)
        ]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def predict(client: Client, body: dict[str, Any], kind: str = "anomaly", ver: str = "1") -> requests.Response:
    return client.call("POST", f"service/state/predict/type/{kind}/nnid/{NAME}/ver/{ver}/", json=body)


def test_every_one_of_the_eight_answers_parses_and_is_a_success(answers: list[Any]) -> None:
    network, version, workflow, upload, source, feeder, netconf, train = answers
    assert network["nn_id"] == NAME
    assert version == 1
    assert workflow["nodes"][0] == "datasrc"
    assert upload["rows"] > 1000
    assert source["parameters"]["type"] == "csv"
    assert feeder["parameters"]["encode_column"] == GUIDE_COLUMNS
    assert netconf["parameters"]["n_hidden"] == [200, 100]
    assert (train["status"], train["state"]) == ("200", "queued")


def test_the_version_ends_in_condition_3(service: Any, answers: list[Any]) -> None:
    old = http(service.url).get(f"{service.url}/api/v1/type/common/target/nninfo/nnid/{NAME}/version/", timeout=10)
    (version,) = json.loads(old.json())
    assert (version["nn_wf_ver_id"], version["condition"], version["active_flag"]) == (1, "3", "Y")


def test_the_finished_run_shows_all_of_its_progress(client: Client) -> None:
    run = client.get(f"runmanager/state/train/nnid/{NAME}/ver/1/")
    assert (run["condition"], run["error"]) == ("3", "")
    assert run["progress"]["percent"] == 100
    assert (run["progress"]["epoch"], run["progress"]["epochs"]) == (10, 10)
    assert run["progress"]["rows_per_second"] > 0


def test_the_result_holds_metrics_threshold_history_and_the_most_anomalous_rows(client: Client) -> None:
    result = client.get(f"result/nnid/{NAME}/ver/1/")
    assert len(result["loss_history"]) == 10
    assert result["threshold"]["rule"] == "contamination"
    assert len(result["top_anomalies"]) == 10
    assert len(result["examples"]) == 10
    first = result["top_anomalies"][0]
    assert first["score"] == pytest.approx(sum(first["contributions"].values()), rel=1e-5)
    assert set(first["contributions"]) <= set(GUIDE_COLUMNS)


def test_scores_are_paged_sorted_and_downloaded(client: Client) -> None:
    path = f"result/nnid/{NAME}/ver/1/scores/"
    page = client.get(f"{path}?page_size=5")
    scores = [row["score"] for row in page["scores"]]
    assert scores == sorted(scores, reverse=True)
    assert page["count"] == len(client.call("GET", f"{path}?download=csv").text.splitlines()) - 1
    by_row = client.get(f"{path}?sort=row&page=2&page_size=3")
    assert [row["row"] for row in by_row["scores"]] == [3, 4, 5]
    header = client.call("GET", f"{path}?download=csv", headers={"Accept": "text/csv"}).text.splitlines()[0]
    assert header.split(",")[:4] == ["row", "score", "anomaly", "contribution.PRODUCT_CD"]
    parquet = client.call("GET", f"{path}?download=parquet")
    assert parquet.content[:4] == b"PAR1"
    assert client.call("GET", f"{path}?node=evaldata").status_code == 404


def test_predict_gives_the_scores_of_the_training_run(client: Client, rows: list[dict[str, Any]]) -> None:
    stored = client.get(f"result/nnid/{NAME}/ver/1/scores/?sort=row&page_size=200")["scores"]
    answer = predict(client, {"input_data": rows[:200]}).json()
    assert [row["score"] for row in answer["rows"]] == pytest.approx(
        [row["score"] for row in stored], rel=1e-5, abs=1e-9
    )
    assert [row["anomaly"] for row in answer["rows"]] == [row["anomaly"] for row in stored]


def test_active_serves_the_active_version(client: Client, rows: list[dict[str, Any]]) -> None:
    body = {"input_data": rows[0], "row_ids": ["first"]}
    assert predict(client, body, ver="active").json() == predict(client, body).json()


def test_the_autoencoder_gives_its_code_or_its_reconstruction(client: Client, rows: list[dict[str, Any]]) -> None:
    encoded = predict(client, {"input_data": rows[:2], "type": "encoder"}, kind="autoencoder").json()
    assert [len(row["code"]) for row in encoded["rows"]] == [100, 100]
    decoded = predict(client, {"input_data": rows[0], "type": "decoder"}, kind="autoencoder").json()
    assert set(decoded["rows"][0]["reconstruction"]) <= set(GUIDE_COLUMNS)


def test_an_unseen_category_is_scored_in_the_other_slot_and_named(client: Client, rows: list[dict[str, Any]]) -> None:
    (row,) = predict(client, {"input_data": rows[0] | {"SM_STEEL_GRD": "UNHEARD-OF"}}).json()["rows"]
    assert row["score"] > 0
    assert "UNHEARD-OF" in row["notices"][0]
    assert "SM_STEEL_GRD" in row["notices"][0]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"SM_STEEL_GRD": ...}, "SM_STEEL_GRD"),
        ({"COLOUR": "red"}, "COLOUR"),
        ({"MC_NO": {"a": 1}}, "MC_NO"),
        ({"CAST_STR_NUM": "abc"}, "CAST_STR_NUM"),
        ({"CAST_STR_NUM": True}, "CAST_STR_NUM"),
    ],
)
def test_a_row_with_a_missing_extra_or_mistyped_field_is_400_and_names_it(
    client: Client, rows: list[dict[str, Any]], change: dict[str, Any], field: str
) -> None:
    row = {name: value for name, value in (rows[0] | change).items() if value is not ...}
    response = predict(client, {"input_data": [rows[0], row]})
    assert response.status_code == 400
    assert field in response.json()["errors"]


@pytest.mark.parametrize("input_data", [[], "row", 3, [1], None])
def test_input_that_is_no_rows_is_400(client: Client, input_data: Any) -> None:
    response = predict(client, {"input_data": input_data})
    assert response.status_code == 400
    assert "input_data" in response.json()["errors"]


def test_a_body_of_15_mb_is_scored(client: Client, rows: list[dict[str, Any]]) -> None:
    many = rows * (15_000_000 // len(json.dumps(rows)) + 1)
    body = {"input_data": many}
    assert 15_000_000 < len(json.dumps(body)) < 20_000_000
    response = predict(client, body)
    assert response.status_code == 200, response.text[:300]
    assert len(response.json()["rows"]) == len(many)


def test_a_body_beyond_20_mb_is_413(client: Client) -> None:
    response = predict(client, {"input_data": {"MC_NO": "x" * 21_000_000}})
    assert response.status_code == 413


def test_the_log_of_the_run_can_be_read(client: Client) -> None:
    run = client.get(f"runmanager/state/train/nnid/{NAME}/ver/1/")
    log = client.get(f"service/monitering/type/log/id/{run['id']}/line/5/")
    assert 0 < len(log["lines"]) <= 5


def test_the_history_keeps_what_made_the_run(client: Client) -> None:
    (run,) = client.get(f"runmanager/state/history/nnid/{NAME}/ver/1/")
    assert run["parameters"]["netconf_node"]["iter"] == 10
    assert len(run["data"]["datasrc"][0]["sha256"]) == 64
    assert "tensorflow" in run["libraries"]
    assert (run["seed"], run["active_flag"]) == (0, "Y")
