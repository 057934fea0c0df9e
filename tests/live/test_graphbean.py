"""Interactions in, scores of pairs and of both their ends out, with a real server and a real worker."""

import csv
import io
from collections import Counter
from typing import Any

import jsonschema
import pyarrow.parquet as pq
import pytest

from tests.live.graph_guide import FEEDER, HEADER, NETCONF, GraphClient, claims, csv_of, json_rows
from tests.live.guide import http

PLANTED = {"num_group": 2, "num_nodes_range": [2, 5], "num_nodes_range2": [2, 4]}
CLAIMS = claims()


@pytest.fixture(scope="module")
def client(service: Any) -> GraphClient:
    """Give a trained network: labelled claims, other claims to evaluate, and planted anomalies."""
    client = GraphClient(service.url, "graph")
    client.create()
    client.put(client.feeder, FEEDER | {"label_share": 0.2})
    client.put(client.netconf, NETCONF | {"iter": 30, "inject_anomalies": PLANTED})
    client.upload(csv_of([*CLAIMS, ("x1", "", "d1", 5, "a", "No"), ("x2", "007", "", 5, "a", "No")]))
    client.upload(csv_of(claims(200, seed=1)), node="evaldata")
    client.train()
    return client


@pytest.fixture(scope="module")
def result(client: GraphClient) -> Any:
    return client.get(client.result)


def test_the_run_shows_its_progress(client: GraphClient) -> None:
    run = client.get(client.training)
    assert (run["condition"], run["error"]) == ("3", "")
    assert (run["progress"]["percent"], run["progress"]["epoch"], run["progress"]["epochs"]) == (100, 30, 30)
    assert run["progress"]["rows_per_second"] > 0
    assert client.get(f"service/monitering/type/log/id/{run['id']}/line/5/")["lines"]


def test_the_result_tells_the_graph_and_the_rows_left_out(result: Any) -> None:
    pairs = {(row[1], row[2]) for row in CLAIMS}
    persons, doctors = (len(set(ends)) for ends in zip(*pairs, strict=True))
    graph = result["graph"]["datasrc"]
    assert (graph["u"], graph["v"], graph["e"]) == (persons, doctors, len(pairs))
    assert (graph["rows"], graph["left_out"]) == (len(CLAIMS) + 2, 2)
    assert result["detector"] == "graphbean"
    assert result["attributes"]["u"][:4] == ["distinct DOCTOR", "distinct CLAIM", "sum PAID", "mean PAID"]
    assert "share KIND=a" in result["attributes"]["e"]
    assert any("2" in notice and "left out" in notice for notice in result["notices"])


def test_the_history_has_all_parts_of_the_loss_and_the_prediction_of_edges(result: Any) -> None:
    history = result["loss_history"]
    assert [epoch["epoch"] for epoch in history] == list(range(1, 31))
    assert {"loss", "u", "v", "e", "structure", "accuracy", "precision", "recall", "f1"} <= set(history[0])
    assert history[-1]["loss"] < history[0]["loss"]


def test_u_v_and_e_are_measured_beside_three_baselines(result: Any) -> None:
    metrics = result["metrics"]
    assert metrics["evaluated_on"] == "evaldata"
    for measured in (metrics, metrics["planted"]):
        for part in "uve":
            assert 0 <= measured[part]["roc_auc"] <= 1
            assert 0 <= measured[part]["average_precision"] <= 1
            for baseline in ("degree", "mahalanobis", "isolation_forest"):
                assert 0 <= measured["baselines"][baseline][part]["roc_auc"] <= 1
    assert metrics["e"]["roc_auc"] > 0.9, "the frauds are dear"
    assert set(metrics["rmse"]["e"]["by_attribute"]) == set(result["attributes"]["e"])
    assert metrics["structure"]["cross_entropy"] > 0


def test_the_most_anomalous_are_named_with_reasons(result: Any) -> None:
    for part, ends in (("u", {"u"}), ("v", {"v"}), ("e", {"u", "v"})):
        top = result["top_anomalies"][part]
        assert len(top) == 10
        assert [found["score"] for found in top] == sorted((found["score"] for found in top), reverse=True)
        assert {"u", "v"} & set(top[0]) == ends
        shares = list(top[0]["contributions"].values())
        assert sum(shares) == pytest.approx(top[0]["score"], rel=1e-4)
        assert shares == sorted(shares, reverse=True)
    first = result["top_anomalies"]["e"][0]
    assert first["label"] == 1
    assert first["values"]["sum PAID"] > 900


@pytest.mark.parametrize("node", ["datasrc", "evaldata", "planted"])
@pytest.mark.parametrize("part", ["u", "v", "e"])
def test_every_scored_graph_has_a_table_for_every_part(client: GraphClient, result: Any, node: str, part: str) -> None:
    page = client.get(f"{client.scores}?node={node}&part={part}&page_size=1000")
    graph = result["graph"][node]
    assert page["count"] == len(page["scores"]) == graph[part]
    assert page["threshold"] == result["threshold"][part]
    for row in page["scores"]:
        assert row["anomaly"] == (row["score"] > page["threshold"])
        assert sum(row["contributions"].values()) == pytest.approx(row["score"], rel=1e-4, abs=1e-6)
        assert set(row["contributions"]) == set(result["columns"][part])


def test_the_answers_are_as_described(service: Any, client: GraphClient, result: Any) -> None:
    description = http(service.url).get(f"{service.url}/api/schema/?format=json", timeout=30).json()
    answers = {
        "GraphResult": result,
        "ScoresPage": client.get(f"{client.scores}?part=u"),
        "Prediction": client.predict(json_rows(CLAIMS[:5])).json(),
        "RunRecord": client.get(client.training),
        "RunHistory": client.get(f"runmanager/state/history/nnid/{client.name}/ver/1/")[0],
    }
    for component, answer in answers.items():
        jsonschema.validate(answer, {"$ref": f"#/components/schemas/{component}", **description})
    described = set(description["components"]["schemas"]["PredictedRow"]["properties"])
    unasked = {"code", "reconstruction", "p_value", "explanation"}
    assert set(answers["Prediction"]["rows"][0]) == described - unasked


def test_the_tables_keep_the_original_ids_and_count_their_rows(client: GraphClient) -> None:
    persons = client.get(f"{client.scores}?part=u&page_size=1000")["scores"]
    assert {row["u"]: row["rows"] for row in persons} == Counter(row[1] for row in CLAIMS)
    pairs = client.get(f"{client.scores}?part=e&page_size=1000")["scores"]
    assert {(row["u"], row["v"]): row["rows"] for row in pairs} == Counter((row[1], row[2]) for row in CLAIMS)


@pytest.mark.parametrize("part", ["u", "v", "e"])
def test_the_downloads_have_the_rows_of_the_table(client: GraphClient, part: str) -> None:
    path = f"{client.scores}?part={part}"
    page = client.get(f"{path}&page_size=1000")["scores"]
    ends = [end for end in "uv" if end in page[0]]
    table = list(csv.DictReader(io.StringIO(client.call("GET", f"{path}&download=csv").text)))
    assert [[row[end] for end in ends] for row in table] == [[row[end] for end in ends] for row in page]
    assert [float(row["score"]) for row in table] == [row["score"] for row in page]
    parquet = pq.read_table(io.BytesIO(client.call("GET", f"{path}&download=parquet").content)).to_pylist()
    scores = {tuple(row[end] for end in ends): row["score"] for row in parquet}
    assert scores == {tuple(row[end] for end in ends): row["score"] for row in page}


def test_predict_gives_the_scores_of_the_training_data_in_any_order(client: GraphClient) -> None:
    stored = client.get(f"{client.scores}?part=e&page_size=1000")["scores"]
    expected = {(row["u"], row["v"]): row["score"] for row in stored}
    rows = json_rows(CLAIMS)
    for sent in (rows, rows[::-1]):
        answer = client.predict(sent).json()
        assert [(row["u"], row["v"]) for row in answer["rows"]] == [(row["PERSON"], row["DOCTOR"]) for row in sent]
        assert [row["score"] for row in answer["rows"]] == pytest.approx(
            [expected[row["u"], row["v"]] for row in answer["rows"]], rel=1e-3, abs=1e-4
        )
    for part in ("u", "v"):
        table = client.get(f"{client.scores}?part={part}&page_size=1000")["scores"]
        assert {row["id"]: row["score"] for row in answer[part]} == pytest.approx(
            {row[part]: row["score"] for row in table}, rel=1e-3, abs=1e-4
        )


def test_predict_scores_ids_that_were_never_seen(client: GraphClient, result: Any) -> None:
    rows = json_rows(CLAIMS[:100])
    rows.append(rows[0] | {"PERSON": "new", "DOCTOR": "newer", "PAID": 50_000, "KIND": "z"})
    answer = client.predict(rows).json()
    verdict = answer["rows"][-1]
    assert (verdict["u"], verdict["v"], verdict["anomaly"]) == ("new", "newer", True)
    assert max(verdict["contributions"], key=verdict["contributions"].get) in result["columns"]["e"]
    assert answer["thresholds"]["e"] == answer["threshold"] == result["threshold"]["e"]
    assert "new" in {row["id"] for row in answer["u"]}
    assert "newer" in {row["id"] for row in answer["v"]}


def test_predict_takes_one_interaction_without_its_label(client: GraphClient) -> None:
    (row,) = json_rows(CLAIMS[:1])
    del row["FRAUD"]
    answer = client.predict(row).json()
    assert [len(answer[part]) for part in ("rows", "u", "v")] == [1, 1, 1]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"PAID": ...}, "PAID"),
        ({"DOCTOR": ...}, "DOCTOR"),
        ({"PAID": "dear"}, "PAID"),
        ({"PERSON": None}, "PERSON"),
        ({"PERSON": True}, "PERSON"),
        ({"COLOUR": "red"}, "COLOUR"),
    ],
)
def test_an_interaction_that_does_not_have_the_trained_columns_is_400_and_names_the_field(
    client: GraphClient, change: dict[str, Any], field: str
) -> None:
    row = {name: value for name, value in (json_rows(CLAIMS[:1])[0] | change).items() if value is not ...}
    response = client.predict([*json_rows(CLAIMS[:1]), row])
    assert response.status_code == 400
    assert field in response.json()["errors"]


@pytest.mark.parametrize("input_data", [[], "row", [1], None])
def test_input_that_is_no_interactions_is_400(client: GraphClient, input_data: Any) -> None:
    response = client.predict(input_data)
    assert response.status_code == 400
    assert "input_data" in response.json()["errors"]


@pytest.mark.parametrize("kind", ["anomaly", "autoencoder"])
def test_the_predictions_of_the_other_detector_are_refused(client: GraphClient, kind: str) -> None:
    response = client.call(
        "POST", f"service/state/predict/type/{kind}/nnid/graph/ver/1/", json={"input_data": json_rows(CLAIMS[:1])}
    )
    assert response.status_code == 400
    assert "graphbean" in response.json()["result"]


def test_a_run_that_fails_says_why_and_nothing_is_lost(client: GraphClient, result: Any) -> None:
    before = client.get(client.data), client.get(client.feeder), client.get(client.scores)
    client.put(client.netconf, {"inject_anomalies": PLANTED | {"num_nodes_range": [500, 600]}})
    run = client.train("failed")
    assert "num_nodes_range" in run["error"]
    assert "Traceback" not in run["error"]
    client.put(client.netconf, {"inject_anomalies": None})
    client.put(client.feeder, {"label_column": "KIND", "encode_column": []})
    run = client.train("failed")
    assert "label column KIND" in run["error"]
    client.put(client.feeder, {"label_column": "FRAUD", "encode_column": ["KIND"]})
    assert (client.get(client.data), client.get(client.scores)) == (before[0], before[2])
    assert client.get(client.feeder)["parameters"] == before[1]["parameters"]
    assert client.get(client.result)["id"] == result["id"]
    assert client.predict(json_rows(CLAIMS[:3])).status_code == 200


def test_what_cannot_be_trained_is_refused_before_it_is(service: Any) -> None:
    client = GraphClient(service.url, "graph-refused")
    client.create()
    client.put(client.feeder, FEEDER)
    for change in ({"v_column": "PERSON"}, {"label_column": "DOCTOR"}):
        assert client.call("PUT", client.feeder, json=change).status_code == 400
    for change in ({"latent_channels": 0}, {"latent_channels": [1, 2, 3]}, {"n_layers_decoder": 0}):
        assert client.call("PUT", client.netconf, json=change).status_code == 400
    for rows, header, field in (
        ([row[:-1] for row in CLAIMS], HEADER[:-1], "label_column"),
        ([(row[0], "", *row[2:]) for row in CLAIMS], HEADER, "u_column"),
        ([(*row[:3], "dear", *row[4:]) for row in CLAIMS], HEADER, "numeric_columns"),
    ):
        client.upload(csv_of(rows, header))
        refused = client.call("POST", client.training)
        assert refused.status_code == 422
        assert list(refused.json()["errors"]) == [field]
        client.call("DELETE", client.data)
    assert client.call("GET", client.training).status_code == 404


@pytest.mark.parametrize(
    ("ids", "kept"),
    [
        (["007"], {"007"}),
        (["7", "8"], {"7", "8"}),
        (["7", "007", "P9", "7"], {"7", "007", "P9"}),
    ],
    ids=["one-u", "numbers", "mixed"],
)
def test_ids_may_be_numbers_text_or_mixed_and_u_a_single_one(
    service: Any, request: pytest.FixtureRequest, ids: list[str], kept: set[str]
) -> None:
    client = GraphClient(service.url, f"graph-{request.node.callspec.id}")
    client.create()
    client.upload(csv_of([(n, ids[n % len(ids)], f"d{n % 6}", n, "a", "No") for n in range(24)]))
    client.put(client.feeder, {"u_column": "PERSON", "v_column": "DOCTOR", "numeric_columns": ["PAID"]})
    client.put(client.netconf, NETCONF | {"iter": 2})
    client.train()
    assert {row["u"] for row in client.get(f"{client.scores}?part=u")["scores"]} == kept
    (row,) = client.predict({"CLAIM": 1, "PERSON": ids[0], "DOCTOR": "d1", "PAID": 3}).json()["rows"]
    assert row["u"] == ids[0]


def test_huge_numbers_train_and_extreme_weights_are_refused(service: Any) -> None:
    client = GraphClient(service.url, "graph-huge")
    client.create()
    huge = [(*row[:3], [1e308, -1e308][n % 2], *row[4:]) for n, row in enumerate(CLAIMS[:40])]
    client.upload(csv_of([*CLAIMS[40:], *huge]))
    client.put(client.feeder, FEEDER)
    for weights in ("block_weights", "feature_weights", "target_weights"):
        many = [1e308] * (2 if weights == "block_weights" else 3)
        refused = client.call("PUT", client.netconf, json={"inject_anomalies": PLANTED | {weights: many}})
        assert refused.status_code == 400
        assert weights in refused.text
    client.put(client.netconf, NETCONF | {"inject_anomalies": PLANTED})
    client.train()
    assert client.get(f"{client.scores}?part=e")["count"] > 0
    assert len(client.predict(json_rows(huge)).json()["rows"]) == len(huge)


def test_more_interactions_than_an_answer_can_hold_are_413_and_the_service_goes_on(service: Any) -> None:
    client = GraphClient(service.url, "graph-wide")
    client.create()
    rows = [(n, f"p{n}", f"d{n % 6}", n, f"k{n}", "No") for n in range(2000)]
    client.upload(csv_of(rows))
    client.put(client.feeder, {**FEEDER, "vocab_size": 2000, "label_column": None})
    client.put(client.netconf, NETCONF | {"iter": 1})
    client.train()
    refused = client.predict(json_rows(rows))
    assert refused.status_code == 413
    (why,) = refused.json()["errors"]["input_data"]
    assert "send at most" in why
    assert len(client.predict(json_rows(rows[:20])).json()["rows"]) == 20
