"""What the API says about a graphbean workflow before its training, and about a trained one's stored scores."""

import csv
import io
import json
import re
import shutil
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest

from algorithms.graphbean.graph import Parts
from algorithms.graphbean.score_writing import ScoredGraph, write_graph
from algorithms.graphbean.texts import Texts
from algorithms.score_files import NodeScores
from tests.workflows.conftest import (
    CLAIMS,
    DATA,
    EVALDATA,
    EVALUATION,
    FEEDER,
    GRAPH_FEEDER,
    GRAPH_NETCONF,
    GRAPH_PREDICT,
    NETCONF,
    PREDICT,
    RESULT,
    TRAIN,
    Api,
    place_of,
    train_model,
    vouch,
)
from workflows.models import Run, RunState
from workflows.services.prediction import ScorerCache

STATE = "wf/target/state/nnid/steel/wfver/1/"
COLUMNS = {"u_column": "PERSON", "v_column": "DOCTOR", "count_distinct": ["CLAIM"], "numeric_columns": ["AMOUNT"]}
SCORES = f"{RESULT}scores/"


def test_parameters_may_be_set_before_the_upload(graph_version: Api) -> None:
    answer = graph_version.put(GRAPH_FEEDER, COLUMNS | {"label_column": "FRAUD"})
    assert answer.status == 200
    assert answer.body["parameters"]["u_column"] == "PERSON"
    assert graph_version.put(GRAPH_NETCONF, {"iter": 3, "latent_channels": 8}).body["parameters"]["iter"] == 3
    assert graph_version.get(GRAPH_NETCONF).body["parameters"]["latent_channels"] == [8, 8]


def test_a_training_needs_both_id_columns_and_says_how_to_name_them(claims: Api) -> None:
    answer = claims.post(TRAIN)
    assert answer.status == 422
    assert set(answer.body["errors"]) == {"u_column", "v_column"}
    assert "feed_train" in answer.body["errors"]["u_column"][0]
    claims.put(GRAPH_FEEDER, {"u_column": "PERSON"})
    assert set(claims.get(STATE).body["missing"]) == {"v_column"}
    claims.put(GRAPH_FEEDER, {"v_column": "DOCTOR"})
    assert claims.get(STATE).body["ready"] is True
    assert claims.post(TRAIN).status == 200
    assert Run.objects.get().snapshot["workflow_type"] == "graphbean_csv"


def test_the_state_names_the_lacking_data_and_the_lacking_columns_at_once(graph_version: Api) -> None:
    assert set(graph_version.get(STATE).body["missing"]) == {"datasrc", "u_column", "v_column"}


@pytest.mark.parametrize(
    ("change", "field", "why"),
    [
        ({"v_column": "PERSON"}, "parameters", "name two different columns"),
        ({"label_column": "DOCTOR"}, "parameters", "DOCTOR"),
        ({"count_distinct": ["PERSON"]}, "parameters", "PERSON"),
        ({"numeric_columns": "AMOUNT"}, "numeric_columns", "list of column names"),
        ({"n_hidden": 3}, "n_hidden", "allowed are"),
    ],
)
def test_feeder_parameters_that_contradict_are_400_and_change_nothing(
    graph_version: Api, change: dict[str, Any], field: str, why: str
) -> None:
    graph_version.put(GRAPH_FEEDER, COLUMNS)
    answer = graph_version.put(GRAPH_FEEDER, change)
    assert answer.status == 400
    assert why in answer.body["errors"][field][0]
    assert COLUMNS.items() <= graph_version.get(GRAPH_FEEDER).body["parameters"].items()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"latent_channels": 0}, "latent_channels"),
        ({"latent_channels": [8, 8, 8]}, "latent_channels"),
        ({"n_layers_encoder": 0}, "n_layers_encoder"),
        ({"milestones": [5, 3]}, "parameters"),
        ({"training": "full", "batch_size": 10}, "parameters"),
        ({"training": "sampled", "num_neighbors_u": [5, 3], "num_neighbors_v": [5]}, "parameters"),
        ({"inject_anomalies": {"num_nodes_range": [9, 3]}}, "inject_anomalies"),
        ({"n_hidden": [3]}, "n_hidden"),
    ],
)
def test_network_parameters_that_cannot_be_are_400(graph_version: Api, change: dict[str, Any], field: str) -> None:
    answer = graph_version.put(GRAPH_NETCONF, change)
    assert answer.status == 400
    assert field in answer.body["errors"]


def test_a_column_that_the_data_lack_is_422_and_those_they_have_are_named(claims: Api) -> None:
    answer = claims.put(GRAPH_FEEDER, COLUMNS | {"u_column": "PATIENT", "numeric_columns": ["PAID"]})
    assert answer.status == 422
    assert "PERSON" in answer.body["errors"]["u_column"][0]
    assert "PAID" in answer.body["errors"]["numeric_columns"][0]


def test_a_numeric_column_that_is_text_is_422_and_its_first_text_is_shown(graph_version: Api) -> None:
    graph_version.upload(DATA, ("claims.csv", CLAIMS.replace(b"5000", b"much")))
    answer = graph_version.put(GRAPH_FEEDER, COLUMNS)
    assert answer.status == 422
    (why,) = answer.body["errors"]["numeric_columns"]
    assert "AMOUNT is text (row 4 has 'much', which is no number)" in why


def test_ids_without_any_value_are_422(graph_version: Api) -> None:
    graph_version.put(GRAPH_FEEDER, {"u_column": "u", "v_column": "v"})
    graph_version.upload(DATA, ("claims.csv", b"u,v\n,x\n,y\n"))
    answer = graph_version.post(TRAIN)
    assert answer.status == 422
    assert "u has no value in any row" in answer.body["errors"]["u_column"][0]


def test_evaluation_data_need_the_columns_of_the_graph_but_no_label(claims: Api) -> None:
    claims.put(GRAPH_FEEDER, COLUMNS | {"label_column": "FRAUD"})
    claims.upload(EVALDATA, ("eval.csv", b"CLAIM,PERSON,DOCTOR,AMOUNT\n7,p9,d9,1.5\n"))
    assert claims.get(STATE).body["missing"] == {}
    claims.delete(EVALDATA)
    claims.upload(EVALDATA, ("eval.csv", b"PERSON,DOCTOR,AMOUNT\np9,d9,lots\n"))
    (claim, amount) = sorted(claims.get(STATE).body["missing"]["evaldata"], reverse=True)
    assert "CLAIM" in claim
    assert "AMOUNT is text" in amount
    assert claims.post(TRAIN).status == 422


def test_the_label_of_the_evaluation_cannot_be_a_feature_too(claims: Api) -> None:
    claims.put(GRAPH_FEEDER, COLUMNS)
    claims.put(EVALUATION, {"label_column": "CLAIM"})
    assert "count_distinct" in claims.get(STATE).body["missing"]["label_column"][0]


def test_the_other_detectors_paths_are_404(graph_version: Api) -> None:
    assert graph_version.put(FEEDER, {"encode_column": ["AMOUNT"]}).status == 404
    assert graph_version.get(FEEDER).status == 404
    assert graph_version.put(NETCONF, {"iter": 3}).status == 404


def succeeded(api: Api, result: dict[str, Any]) -> Run:
    """Give a run the result of a training."""
    assert api.post(TRAIN).status == 200
    Run.objects.update(state=RunState.SUCCEEDED, result=result, metrics={}, threshold=result["threshold"])
    run = Run.objects.get()
    place_of(run.artifact_prefix).mkdir(parents=True)
    return run


@pytest.fixture
def trained(claims: Api) -> Api:
    """Give the API with a run whose graph has 2 u, 2 v and 3 edges."""
    claims.put(GRAPH_FEEDER, COLUMNS)
    columns = {"u": ["rows", "sum AMOUNT"], "v": ["rows"], "e": ["sum AMOUNT", "structure"]}
    run = succeeded(
        claims,
        {
            "detector": "graphbean",
            "columns": columns,
            "threshold": {"value": 2.5, "rule": "contamination", "contamination": 0.05, "u": 0.5, "v": 9.0, "e": 2.5},
        },
    )
    scored = Parts(
        NodeScores(np.array([1.0, 0.25]), np.array([[0.75, 0.25], [0.25, 0.0]], np.float32), None),
        NodeScores(np.array([1.0, 2.0]), np.array([[1.0], [2.0]], np.float32), None),
        NodeScores(
            np.array([1.0, 3.0, 2.0]),
            np.array([[0.5, 0.5], [1.0, 2.0], [2.0, 0.0]], np.float32),
            np.array([0, 1, 0], np.int8),
        ),
    )
    graph = ScoredGraph(
        ids=(Texts.of(["=1+1", "사람"]), Texts.of(["d1", "d,2"])),
        edge_index=np.array([[0, 0, 1], [0, 1, 1]]),
        rows=Parts(np.array([4, 1]), np.array([2, 3]), np.array([2, 2, 1])),
        scored=scored,
    )
    write_graph(place_of(run.artifact_prefix), "datasrc", graph, Parts(0.5, 9.0, 2.5), Parts(**columns))
    vouch(place_of(run.artifact_prefix))
    return claims


def test_the_edges_are_the_default_table_each_with_both_ids(trained: Api) -> None:
    page = trained.get(SCORES).body
    assert (page["threshold"], page["count"]) == (2.5, 3)
    assert page["scores"][0] == {
        "u": "=1+1",
        "v": "d,2",
        "rows": 2,
        "score": 3.0,
        "anomaly": True,
        "label": 1,
        "contributions": {"sum AMOUNT": 1.0, "structure": 2.0},
    }
    assert [(row["u"], row["v"]) for row in page["scores"][1:]] == [("사람", "d,2"), ("=1+1", "d1")]
    assert trained.get(f"{SCORES}?part=e").body == page


def test_the_nodes_have_tables_and_thresholds_of_their_own(trained: Api) -> None:
    users = trained.get(f"{SCORES}?part=u&sort=row&page_size=1&page=2").body
    assert users["threshold"] == 0.5
    assert users["scores"] == [
        {"u": "사람", "rows": 1, "score": 0.25, "anomaly": False, "contributions": {"rows": 0.25, "sum AMOUNT": 0.0}}
    ]
    items = trained.get(f"{SCORES}?part=v").body
    assert [(row["v"], row["rows"], row["anomaly"]) for row in items["scores"]] == [("d,2", 3, False), ("d1", 2, False)]


def test_the_csv_quotes_ids_and_disarms_formulas(trained: Api) -> None:
    answer = trained.get(f"{SCORES}?download=csv")
    assert 'filename="steel-1-run1-datasrc-e-scores.csv"' in answer.headers["Content-Disposition"]
    header, first, second, third = csv.reader(io.StringIO(answer.body.decode()))
    assert header == [
        "u",
        "v",
        "rows",
        "score",
        "anomaly",
        "label",
        "contribution.sum AMOUNT",
        "contribution.structure",
    ]
    assert first == ["'=1+1", "d,2", "2", "3.0", "1", "1", "1.0", "2.0"]
    assert (second[0], third[1]) == ("사람", "d1")


def test_every_part_has_a_parquet_file(trained: Api) -> None:
    for part in "uve":
        answer = trained.get(f"{SCORES}?part={part}&download=parquet")
        assert answer.body[:4] == b"PAR1"
        assert f"datasrc-{part}-scores.parquet" in answer.headers["Content-Disposition"]


def test_a_node_that_was_not_scored_is_404_and_an_unknown_part_400(trained: Api) -> None:
    assert "no anomalies were planted" in trained.get(f"{SCORES}?node=planted").body["result"]
    assert trained.get(f"{SCORES}?node=evaldata&part=u").status == 404
    assert trained.get(f"{SCORES}?part=w").status == 400


def test_the_result_links_to_the_table_of_every_part(trained: Api) -> None:
    links = trained.get(RESULT).body["links"]
    assert links["csv_u"].endswith("?run=1&part=u&download=csv")
    assert {f"{file}{part}" for file in ("scores", "csv", "parquet") for part in ("", "_u", "_v", "_e")} < set(links)


def test_a_part_of_rows_is_400(uploaded: Api) -> None:
    run = succeeded(
        uploaded,
        {
            "detector": "autoencoder",
            "columns": ["WEIGHT"],
            "threshold": {"value": 1.0, "rule": "fixed", "contamination": None},
        },
    )
    np.save(place_of(run.artifact_prefix) / "scores.datasrc.npy", np.zeros(6))
    vouch(place_of(run.artifact_prefix))
    answer = uploaded.get(f"{SCORES}?part=u")
    assert answer.status == 400
    assert "part" in answer.body["errors"]
    assert uploaded.get(f"{SCORES}?node=planted").status == 404


def test_a_model_answers_only_the_predictions_of_its_type(trained: Api) -> None:
    for kind in ("anomaly", "autoencoder"):
        answer = trained.post(PREDICT.replace("anomaly", kind), {"input_data": {}})
        assert answer.status == 400
        assert "predict/type/graphbean" in answer.body["errors"]["kind"][0]
    answer = trained.post(GRAPH_PREDICT, {"input_data": [{}], "type": "encoder"})
    assert (answer.status, list(answer.body["errors"])) == (400, ["type"])


def test_rows_are_no_interactions_for_an_autoencoder(uploaded: Api) -> None:
    succeeded(
        uploaded,
        {
            "detector": "autoencoder",
            "columns": ["WEIGHT"],
            "threshold": {"value": 1.0, "rule": "fixed", "contamination": None},
        },
    )
    answer = uploaded.post(GRAPH_PREDICT, {"input_data": [{}]})
    assert answer.status == 400
    assert "anomaly, autoencoder" in answer.body["result"]


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        *((number, number) for number in ("-3", "+82", "-1.5e3", "+821012345678901234567")),
        *((formula, f"'{formula}") for formula in ("-3+1", "=3", "@a", "-inf", "+", "+82-10", "-1e999")),
        ("\t=1", "'\t'=1"),
        ("a-3", "a-3"),
    ],
)
def test_only_ids_that_are_no_numbers_are_disarmed(trained: Api, text: str, cell: str) -> None:
    letters = np.frombuffer(text.encode(), np.uint8)
    artifact = place_of(Run.objects.get().artifact_prefix)
    for side in "uv":
        np.save(artifact / f"ids.datasrc.{side}.npy", np.tile(letters, 2))
        np.save(artifact / f"offsets.datasrc.{side}.npy", len(letters) * np.arange(3))
    vouch(artifact)
    rows = csv.DictReader(io.StringIO(trained.get(f"{SCORES}?download=csv").body.decode(), newline=""))
    assert {(row["u"], row["v"]) for row in rows} == {(cell, cell)}


COLUMNS_OF_ONE = {"u_column": "PERSON", "v_column": "DOCTOR", "numeric_columns": ["AMOUNT"]}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train a model of a few claims; return its artifact."""
    narrow = {"hidden_channels": 2, "latent_channels": 2, "edge_pred_latent": 2, "iter": 1}
    parameters = {"feed_train": COLUMNS_OF_ONE, "netconf_node": narrow}
    return train_model(tmp_path_factory.mktemp("model"), "graphbean_csv", CLAIMS, parameters)


@pytest.fixture
def served(claims: Api, model: Path) -> Api:
    """Give the API with a run that has this model."""
    claims.put(GRAPH_FEEDER, COLUMNS_OF_ONE)
    run = succeeded(claims, json.loads((model / "result.json").read_text()))
    shutil.copytree(model, place_of(run.artifact_prefix), dirs_exist_ok=True)
    return claims


def test_more_interactions_than_an_answer_can_hold_are_413(served: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("algorithms.graphbean.scorer.MOST_NUMBERS", 100)
    row = dict.fromkeys(("CLAIM", "KIND", "FRAUD")) | {"PERSON": "p1", "DOCTOR": "d1", "AMOUNT": 10}
    refused = served.post(GRAPH_PREDICT, {"input_data": [row] * 50})
    assert refused.status == 413
    (why,) = refused.body["errors"]["input_data"]
    most = int(re.findall(r"send at most (\d+)", why)[0])
    assert served.post(GRAPH_PREDICT, {"input_data": [row] * (most + 1)}).status == 413
    assert len(served.post(GRAPH_PREDICT, {"input_data": [row] * most}).body["rows"]) == most


def test_the_models_of_deleted_runs_leave_the_memory_when_another_is_loaded(served: Api) -> None:
    run = Run.objects.get()
    cache = ScorerCache()
    gone = Run(id=uuid4(), version=run.version, number=9, snapshot=run.snapshot)
    shutil.copytree(place_of(run.artifact_prefix), place_of(gone.artifact_prefix))
    cache.get(gone)
    kept = cache.get(run)
    assert cache.get(run) is kept
    assert list(cache._scorers) == [run.id]
