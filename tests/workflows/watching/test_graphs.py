"""Predictions of a graph: what is logged are its rows, what is counted are its pairs and the attributes."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.workflows.conftest import CLAIMS, GRAPH_PREDICT, Api, logged, place_of, train_model
from workflows.models import LoggedRow, Run, RunState, Tally
from workflows.services.networks import create_network
from workflows.services.versions import create_version
from workflows.watching.log import PredictionLog

pytestmark = pytest.mark.django_db(transaction=True)

ROWS = [
    {"CLAIM": claim, "PERSON": person, "DOCTOR": "d1", "AMOUNT": amount, "KIND": "in", "FRAUD": "No"}
    for claim, person, amount in (("1", "p1", 10), ("2", "p1", 20), ("3", "p2", 30))
]
COLUMNS = {
    "u_column": "PERSON",
    "v_column": "DOCTOR",
    "numeric_columns": ["AMOUNT"],
    "count_distinct": ["CLAIM"],
    "encode_column": ["KIND"],
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train a model of a few claims; return its artifact."""
    narrow = {"hidden_channels": 2, "latent_channels": 2, "edge_pred_latent": 2, "iter": 1}
    parameters = {"feed_train": COLUMNS, "netconf_node": narrow}
    return train_model(tmp_path_factory.mktemp("model"), "graphbean_csv", CLAIMS, parameters)


@pytest.fixture
def graph_run(transactional_db: None, model: Path) -> Run:
    version = create_version(create_network("steel"), active=True, workflow_type="graphbean_csv")
    result = json.loads((model / "result.json").read_text())
    made = Run.objects.create(
        version=version,
        number=1,
        state=RunState.SUCCEEDED,
        snapshot={"workflow_type": "graphbean_csv", "parameters": {}},
        attempts=1,
        threshold=result["threshold"],
        result=result,
    )
    shutil.copytree(model, place_of(made.artifact_prefix))
    return made


def ask() -> list[dict[str, Any]]:
    answer = Api().post(GRAPH_PREDICT, {"input_data": ROWS})
    assert answer.status == 200, answer.body
    return list(answer.body["rows"])


def test_every_row_is_logged_with_the_verdict_on_its_pair(graph_run: Run, prediction_log: PredictionLog) -> None:
    answers = ask()
    logged(prediction_log)
    rows = LoggedRow.objects.order_by("id")
    assert [(row.row_id, row.score) for row in rows] == [(answer["row_id"], answer["score"]) for answer in answers]
    assert [row.values for row in rows] == ROWS
    assert all(len(row.contributions) == 3 for row in rows)


def test_each_request_is_counted_as_the_graph_that_it_was_scored_as(
    graph_run: Run, prediction_log: PredictionLog
) -> None:
    ask()
    ask()
    logged(prediction_log)
    tally = Tally.objects.get()
    assert tally.rows == 4, "two pairs in each"
    columns = tally.counts["columns"]
    assert {name: sum(columns[name]) for name in ("u: sum AMOUNT", "v: sum AMOUNT", "edge: sum AMOUNT")} == {
        "u: sum AMOUNT": 4,
        "v: sum AMOUNT": 2,
        "edge: sum AMOUNT": 4,
    }


def test_of_a_masked_column_no_attribute_is_kept(graph_run: Run, prediction_log: PredictionLog, settings: Any) -> None:
    settings.LOG_MASK = ["AMOUNT", "KIND", "PERSON"]
    ask()
    logged(prediction_log)
    counts = Tally.objects.get().counts
    kept = [*counts["columns"], *counts["contributions"]]
    assert "u: distinct DOCTOR" in kept
    assert not [name for name in kept for hidden in settings.LOG_MASK if hidden in name]
    for row in LoggedRow.objects.all():
        assert set(row.values) == {"CLAIM", "DOCTOR", "FRAUD"}
        assert not [name for name in row.contributions for hidden in settings.LOG_MASK if hidden in name]
