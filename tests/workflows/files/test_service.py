"""The service with its files in a bucket: all that it does with them, and what it says when they are damaged."""

import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.test import override_settings

from tests.object_store import StoreBucket
from tests.workflows.conftest import DATA, NETCONF, NETWORK, PREDICT, RESULT, TRAIN, Api
from tests.workflows.files.conftest import storages
from workflows.execution.leftovers import remove_leftovers
from workflows.execution.training import execute_run
from workflows.models import Run, RunState
from workflows.services import prediction

ROWS = b"A,N\n" + b"".join(b"a%d,%d.5\n" % (n % 3, n % 7) for n in range(300))
ROW = {"input_data": {"A": "a1", "N": 1.5}}


@pytest.fixture
def queued(transactional_db: None, in_bucket: StoreBucket) -> Iterator[Api]:
    """Give the API with a queued run; nobody consumes the message."""
    api = Api()
    api.post(NETWORK, {})
    api.post(NETWORK + "version/", {})
    api.post("wf/target/init/mode/simple/steel/wfver/1/", {"type": "autoencoder_csv"})
    assert api.upload(DATA, ("rows.csv", ROWS)).status == 200
    api.put(NETCONF, {"n_hidden": [4], "iter": 2})
    assert api.post(TRAIN).status == 200
    yield api
    prediction.scorers = prediction.ScorerCache()


@pytest.fixture
def trained(queued: Api) -> Api:
    execute_run(Run.objects.get().id)
    run = Run.objects.get()
    assert (run.state, run.error) == (RunState.SUCCEEDED, "")
    return queued


def keys_of(bucket: StoreBucket) -> set[str]:
    """Return what lies in the bucket, ids and generations left out."""
    return {re.sub(r"some/where/|[0-9a-f-]{36}/|[0-9a-f]{12}/", "", key) for key in bucket.stored_keys()}


def test_a_model_is_trained_read_served_and_deleted_from_a_bucket(trained: Api, in_bucket: StoreBucket) -> None:
    assert keys_of(in_bucket) > {"runs/run.log", "runs/artifact-1/model.onnx", "uploads/listing.json"}
    for path in (Path(settings.JOBS_ROOT), Path(settings.FILE_UPLOAD_TEMP_DIR)):
        assert not [found for found in path.glob("*") if found.stat().st_mtime > time.time() - 60]
    assert trained.post(PREDICT, ROW).status == 200
    scores = trained.get(f"{RESULT}scores/")
    assert (scores.status, scores.body["count"]) == (200, 300)
    assert trained.get(f"{RESULT}scores/?download=csv").body.count(b"\n") == 301
    assert trained.get(f"{RESULT}scores/?download=parquet").body[:4] == b"PAR1"
    log = trained.get(f"service/monitering/type/log/id/{Run.objects.get().id}/line/100/")
    assert log.status == 200
    assert log.body["lines"]
    assert trained.delete(NETWORK).status == 200
    assert in_bucket.stored_keys() == []
    assert not list(Path(settings.CACHE_ROOT).glob("*"))


def test_damaged_data_fail_the_run_and_say_what_helps(queued: Api, in_bucket: StoreBucket) -> None:
    (table,) = (key for key in in_bucket.stored_keys() if key.endswith("table.parquet"))
    in_bucket.flip_a_byte(table)
    execute_run(Run.objects.get().id)
    run = Run.objects.get()
    assert run.state == RunState.FAILED
    assert "table.parquet" in run.error
    assert "sha256 differs): upload the data again" in run.error


def test_a_damaged_model_or_score_is_refused_by_name_and_its_run_stays(trained: Api, in_bucket: StoreBucket) -> None:
    for path, names in (
        (PREDICT, ("model.onnx", "preprocess.json", "manifest.json")),
        (f"{RESULT}scores/", ("scores.datasrc.npy", "order.datasrc.npy")),
    ):
        for name in names:
            (key,) = (key for key in in_bucket.stored_keys() if key.endswith(f"/{name}"))
            in_bucket.flip_a_byte(key)
            shutil.rmtree(settings.CACHE_ROOT, ignore_errors=True)  # a good copy would serve
            answer = trained.post(path, ROW) if path == PREDICT else trained.get(path)
            assert answer.status == 503
            assert name in answer.body["result"]
            assert "train it again" in answer.body["result"]
            in_bucket.flip_a_byte(key)
    assert trained.get(RESULT).status == 200
    assert trained.post(PREDICT, ROW).status == 200
    assert trained.get(f"{RESULT}scores/").status == 200


def test_a_copy_that_is_damaged_here_is_fetched_anew(trained: Api) -> None:
    calls = {
        "model.onnx": lambda: trained.post(PREDICT, ROW),
        "scores.datasrc.npy": lambda: trained.get(f"{RESULT}scores/"),
    }
    for name, call in calls.items():
        assert call().status == 200
        prediction.scorers = prediction.ScorerCache()
        (copy,) = Path(settings.CACHE_ROOT).glob(f"runs*artifact-1/artifact-1/{name}")
        copy.write_bytes(b"x" + copy.read_bytes()[1:])
        refused = call()
        assert refused.status == 503
        assert f"{name} of artifact artifact-1 is not the file that was written" in refused.body["result"]
        assert call().status == 200


def test_a_bucket_that_is_away_is_503_for_now_and_stores_nothing(queued: Api, tmp_path: Path) -> None:
    away = "s3://bucket/files?endpoint_url=http://127.0.0.1:9&region=us-east-1"
    with override_settings(**storages(away, tmp_path)):
        answer = queued.upload(DATA, ("more.csv", ROWS))
    assert answer.status == 503
    assert answer.body["result"] == "the file storage cannot be reached; try again", "it names no host"
    assert answer.headers["Retry-After"]
    assert [file["file"] for file in queued.get(DATA).body] == ["rows.csv"]


def test_the_sweep_removes_what_has_no_row_and_what_lost_workers_left(
    trained: Api, in_bucket: StoreBucket, make_orphans: Callable[[], set[str]]
) -> None:
    before = set(in_bucket.stored_keys())
    orphans = make_orphans()
    remove_leftovers()
    assert set(in_bucket.stored_keys()) == before | orphans, "what is young may be in the making"
    with override_settings(LEFTOVER_SECONDS=-60):
        remove_leftovers()
    assert set(in_bucket.stored_keys()) == before


@pytest.fixture
def make_orphans(in_bucket: StoreBucket) -> Callable[[], set[str]]:
    def make() -> set[str]:
        run = Run.objects.get()
        names = (f"runs/{run.id}/artifact-9/gen/a", "runs/4b36dbfa-3a4e-4b3a-9a43-0d2b7f9c9a11/run.log")
        for name in names:
            in_bucket.put(f"some/where/{name}")
        return {f"some/where/{name}" for name in names}

    return make
