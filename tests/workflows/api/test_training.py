"""What is asked of a training before and beside it; the training itself is in tests/live."""

import uuid
from typing import Any

import pytest
from celery import current_app
from django.db import OperationalError

from tests.workflows.conftest import DATA, FEEDER, HISTORY, PREDICT, RESULT, STEEL, TRAIN, Api, place_of
from workflows.models import Run, RunState, Version
from workflows.services import networks


def test_train_before_upload_is_422_and_says_what_to_do(version: Api) -> None:
    answer = version.post(TRAIN)
    assert answer.status == 422
    assert "upload a CSV" in answer.body["errors"]["datasrc"][0]
    assert not Run.objects.exists()


def test_train_before_the_workflow_is_422_and_says_what_to_do(version: Api) -> None:
    version.delete("wf/target/init/mode/simple/steel/wfver/1/")
    answer = version.post(TRAIN)
    assert answer.status == 422
    assert "init/mode/simple" in answer.body["result"]


def test_train_with_columns_that_the_data_lack_is_422(version: Api) -> None:
    version.post(FEEDER, {"encode_column": ["COLOUR"]})
    version.upload(DATA, ("steel.csv", STEEL))
    answer = version.post(TRAIN)
    assert answer.status == 422
    assert "COLOUR" in answer.body["errors"]["encode_column"][0]
    assert not Run.objects.exists()


def test_a_second_train_is_409_with_the_id_of_the_first(uploaded: Api) -> None:
    first = uploaded.post(TRAIN)
    assert (first.status, first.body["status"], first.body["state"]) == (200, "200", "queued")
    second = uploaded.post(TRAIN)
    assert second.status == 409
    assert second.body["errors"]["id"] == [first.body["id"]]


def test_a_queued_run_is_cancelled_at_once(uploaded: Api) -> None:
    uploaded.post(TRAIN)
    assert uploaded.put(TRAIN, {"state": "pause"}).status == 400
    assert uploaded.put(TRAIN, {"state": "stop"}).body["state"] == "cancelled"
    assert uploaded.delete(TRAIN).status == 409


def test_a_version_never_trained_has_no_state_result_or_verdict(uploaded: Api) -> None:
    for answer in (
        uploaded.get(TRAIN),
        uploaded.get(RESULT),
        uploaded.get(f"{RESULT}scores/"),
        uploaded.post(PREDICT, {"input_data": {}}),
        uploaded.get(f"service/monitering/type/log/id/{uuid.uuid4()}/line/10/"),
    ):
        assert answer.status == 404
    assert uploaded.get(HISTORY).body == []


def test_a_run_without_result_is_409_when_its_result_is_asked_for(uploaded: Api) -> None:
    run = uploaded.post(TRAIN).body
    answer = uploaded.get(f"{RESULT}?run={run['nn_batch_ver_id']}")
    assert answer.status == 409
    assert "queued" in answer.body["result"]
    assert uploaded.get(f"{RESULT}?run={run['id']}").status == 409
    assert uploaded.get(f"{RESULT}?run=77").status == 404
    assert uploaded.get(f"{RESULT}?run=%00").status == 400


def test_only_a_succeeded_run_can_be_pinned(uploaded: Api) -> None:
    uploaded.post(TRAIN)
    runs = "common/target/nninfo/nnid/steel/version/1/"
    assert uploaded.put(runs, {"nn_batch_ver_id": 1}).status == 409
    assert uploaded.put(runs, {"nn_batch_ver_id": 9}).status == 404
    assert uploaded.delete(runs, {"nn_batch_ver_id": 1}).status == 409


def test_active_is_409_when_no_version_is(uploaded: Api) -> None:
    Version.objects.update(active=False)
    assert uploaded.post(PREDICT.replace("ver/1", "ver/active"), {"input_data": {}}).status == 409


def test_a_damaged_model_is_503_and_named_never_served(uploaded: Api) -> None:
    uploaded.post(TRAIN)
    run = Run.objects.get()
    Run.objects.update(
        state=RunState.SUCCEEDED, result={}, threshold={"value": 1.0, "rule": "fixed", "contamination": None}
    )
    place_of(run.artifact_prefix).mkdir(parents=True)
    (place_of(run.artifact_prefix) / "manifest.json").write_text("{")
    answer = uploaded.post(PREDICT, {"input_data": {"WEIGHT": 1.0}})
    assert answer.status == 503
    assert "train it again" in answer.body["result"]


def test_a_broker_that_is_down_is_503_and_nothing_is_queued(uploaded: Api, tmp_path: Any) -> None:
    working = current_app.conf.broker_url
    current_app.conf.broker_url = current_app.conf.broker_write_url = f"redis+socket://{tmp_path}/nobody.sock"
    current_app.pool.force_close_all()
    try:
        answer = uploaded.post(TRAIN)
    finally:
        current_app.conf.broker_url = current_app.conf.broker_write_url = working
    assert answer.status == 503
    assert answer.headers["Retry-After"] == "5"
    assert answer.body["result"] == "the message broker cannot be reached, nothing was queued; try again"
    assert not Run.objects.exists()
    assert uploaded.post(TRAIN).status == 200


def test_a_database_that_fails_is_503_in_the_same_shape(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> None:
        raise OperationalError("database is locked")

    monkeypatch.setattr(networks, "get_network", fail)
    answer = api.get("common/target/nninfo/nnid/steel/")
    assert (answer.status, answer.body["status"]) == (503, "503")
    assert answer.headers["Retry-After"] == "5"


def test_an_unexpected_failure_is_500_in_the_same_shape_and_tells_no_secrets(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(name: str) -> None:
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr(networks, "get_network", fail)
    answer = api.get("common/target/nninfo/nnid/steel/")
    assert (answer.status, answer.body["status"]) == (500, "500")
    assert "hunter2" not in str(answer.body)
