"""How a run ends, whatever happens to its child process; real children, no worker."""

import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.conf import settings
from django.db import connections
from django.test import override_settings

from tests.workflows.conftest import DATA, FEEDER, NETCONF, TRAIN, Api, place_of
from workflows.execution import shutdown
from workflows.execution.training import claim, execute_run
from workflows.models import Run, RunState

ROWS = b"A,N,EMPTY\n" + b"".join(b"a%d,%d.5,\n" % (n % 3, n % 7) for n in range(300))
ENDLESS = {"iter": 1_000_000, "n_hidden": [16]}


@pytest.fixture
def queued(transactional_db: None) -> Callable[..., Run]:
    """Give a function that queues a run through the API; nobody consumes the message."""

    def queue(**netconf: Any) -> Run:
        api = Api()
        api.post("common/target/nninfo/nnid/steel/", {})
        api.post("common/target/nninfo/nnid/steel/version/", {})
        api.post("wf/target/init/mode/simple/steel/wfver/1/", {"type": "autoencoder_csv"})
        assert api.upload(DATA, ("rows.csv", ROWS)).status == 200
        api.put(NETCONF, {"n_hidden": [4], "iter": 2} | netconf)
        assert api.post(TRAIN).status == 200
        return Run.objects.get()

    return queue


@pytest.fixture(autouse=True)
def _no_shutdown() -> Iterator[None]:
    yield
    shutdown.requested.clear()


def in_background(run: Run) -> threading.Thread:
    """Execute a run as a worker's thread does, and wait until its child reports progress."""
    thread = threading.Thread(target=execute_run, args=[run.id])
    thread.start()
    deadline = time.monotonic() + 60
    while not Run.objects.get(id=run.id).progress.get("epoch"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return thread


def training_children() -> list[psutil.Process]:
    return [p for p in psutil.Process().children(recursive=True) if "fit" in p.cmdline()]


def test_a_run_is_trained_recorded_and_leaves_no_job_folder(queued: Callable[..., Run]) -> None:
    run = queued()
    execute_run(run.id)
    run.refresh_from_db()
    assert (run.state, run.error, run.attempts) == (RunState.SUCCEEDED, "", 1)
    assert (place_of(run.artifact_prefix) / "model.onnx").exists()
    assert run.threshold["value"] > 0
    assert not list(Path(settings.JOBS_ROOT).glob(f"{run.id}*"))
    assert not training_children()
    assert any("EMPTY" in notice for notice in run.result["notices"]), "a column without values is left out and named"
    execute_run(run.id)
    run.refresh_from_db()
    assert run.attempts == 1, "a message delivered twice trains once"


def test_a_run_is_claimed_once(queued: Callable[..., Run]) -> None:
    run = queued()
    assert claim(run.id) is not None
    assert claim(run.id) is None
    assert claim(uuid.uuid4()) is None


def test_a_killed_child_fails_the_run_with_a_clear_reason(queued: Callable[..., Run]) -> None:
    thread = in_background(queued(**ENDLESS))
    (child,) = training_children()
    child.kill()
    thread.join(20)
    run = Run.objects.get()
    assert run.state == RunState.FAILED
    assert "ran out of memory" in run.error
    assert not place_of(run.artifact_prefix).exists()


def test_a_worker_that_shuts_down_hands_its_run_back(queued: Callable[..., Run]) -> None:
    thread = in_background(queued(**ENDLESS))
    shutdown.requested.set()
    thread.join(10)
    assert not thread.is_alive()
    run = Run.objects.get()
    assert (run.state, run.attempts, run.enqueued) == (RunState.QUEUED, 0, None)
    assert not training_children()


def test_a_run_deleted_meanwhile_ends_its_child_and_leaves_no_files(queued: Callable[..., Run]) -> None:
    run = queued(**ENDLESS)
    thread = in_background(run)
    Run.objects.filter(id=run.id).delete()
    thread.join(10)
    assert not thread.is_alive()
    assert not training_children()
    assert not place_of(run.prefix).exists()
    assert not run.job_folder.exists()


def test_a_worker_that_lost_its_run_does_not_harm_the_next_attempt(queued: Callable[..., Run]) -> None:
    run = queued(iter=4000)
    thread = in_background(run)
    assert Run.objects.move(run.id, RunState.RUNNING, RunState.QUEUED)  # as the sweeper does
    execute_run(run.id)
    thread.join(10)
    run.refresh_from_db()
    assert (run.state, run.attempts, run.error) == (RunState.SUCCEEDED, 2, "")
    assert [path.name for path in place_of(run.prefix).glob("artifact*")] == ["artifact-2"]
    assert not list(Path(settings.JOBS_ROOT).glob(f"{run.id}*"))


@pytest.mark.embedded
def test_a_training_outlives_a_database_that_is_locked(
    queued: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connections.databases["default"]["OPTIONS"], "timeout", 0.2)
    run = queued(iter=4000)
    thread = in_background(run)
    other = sqlite3.connect(connections.databases["default"]["NAME"], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    thread.join(3)
    other.execute("ROLLBACK")
    other.close()
    thread.join(60)
    run.refresh_from_db()
    assert (run.state, run.error) == (RunState.SUCCEEDED, "")


@pytest.mark.parametrize(
    ("limit", "value", "named"),
    [
        ("TRAINING_TIME_LIMIT", 1, "NNSERVICE_TRAINING_TIME_LIMIT"),
        ("TRAINING_MEMORY_LIMIT", 50_000_000, "NNSERVICE_TRAINING_MEMORY_MB"),
    ],
)
def test_a_run_beyond_a_limit_is_stopped_and_the_limit_named(
    queued: Callable[..., Run], limit: str, value: int, named: str
) -> None:
    run = queued(**ENDLESS)
    with override_settings(**{limit: value}):
        execute_run(run.id)
    run.refresh_from_db()
    assert run.state == RunState.FAILED
    assert named in run.error
    assert not training_children()


def test_data_that_do_not_fit_fail_the_run_in_words_the_user_can_act_on(queued: Callable[..., Run]) -> None:
    run = queued()
    run.snapshot["given"]["feed_train"] = {"encode_column": ["NOPE"]}
    run.save()
    execute_run(run.id)
    run.refresh_from_db()
    assert run.state == RunState.FAILED
    assert "NOPE" in run.error
    assert "Traceback" not in run.error


def test_the_child_gets_no_secret_of_the_service(queued: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NNSERVICE_SECRET_KEY", "do not pass on")
    monkeypatch.setenv("DATABASE_URL", "postgres://user:secret@nowhere/db")
    thread = in_background(queued(**ENDLESS))
    (child,) = training_children()
    environment = Path(f"/proc/{child.pid}/environ").read_bytes()
    Run.objects.update(cancel_requested=True)
    thread.join(10)
    assert b"PATH=" in environment
    assert b"secret" not in environment
    assert b"do not pass on" not in environment
    assert Run.objects.get().state == RunState.CANCELLED


def test_the_feeder_of_the_run_is_the_one_of_its_start(queued: Callable[..., Run]) -> None:
    run = queued()
    Api().post(FEEDER, {"encode_column": ["A"]})
    assert run.snapshot["parameters"]["feed_train"]["encode_column"] is None
    assert Path(settings.JOBS_ROOT).is_dir()
