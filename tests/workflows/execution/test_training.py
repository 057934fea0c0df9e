"""How a run ends, whatever happens to its child process; real children, no worker."""

import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
from django.conf import settings
from django.db import connections
from django.test import override_settings

from tests.workflows.conftest import DATA, FEEDER, NETCONF, TRAIN, Api, place_of
from workflows import files
from workflows.execution import child as child_module
from workflows.execution import shutdown, transitions
from workflows.execution.handing_back import hand_all_back
from workflows.execution.training import execute_run
from workflows.execution.transitions import claim
from workflows.execution.watch import HandedBack
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


def until(holds: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


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
    assert claim(Run, run.id) is not None
    assert claim(Run, run.id) is None
    assert claim(Run, uuid.uuid4()) is None


def test_a_run_whose_child_is_killed_is_tried_again_and_goes_on_where_it_was(
    queued: Callable[..., Run], settings: Any
) -> None:
    settings.CHECKPOINT_SECONDS = 0
    run = queued(iter=1500)
    thread = in_background(run)
    (child,) = training_children()
    until(lambda: place_of(run.checkpoint_prefix).exists())
    child.kill()
    thread.join(20)
    run.refresh_from_db()
    assert (run.state, run.attempts) == (RunState.QUEUED, 1)
    assert run.error == "attempt 1 was cut off, another one follows: the fit process was killed (SIGKILL) by somebody"
    settings.CHECKPOINT_SECONDS = 1000
    execute_run(run.id)
    run.refresh_from_db()
    assert (run.state, run.error, run.attempts) == (RunState.SUCCEEDED, "", 2)
    assert run.progress["resumed_from_epoch"] > 0
    assert [failure["attempt"] for failure in run.failures] == [1]
    assert sorted(path.name for path in place_of(run.prefix).iterdir()) == ["artifact-2", "run.log"]


def test_a_run_whose_child_is_always_killed_fails_and_tells_why(queued: Callable[..., Run]) -> None:
    run = queued(**ENDLESS)
    for _ in range(settings.MAX_ATTEMPTS):
        thread = in_background(run)
        (child,) = training_children()
        child.kill()
        thread.join(20)
    run.refresh_from_db()
    assert run.state == RunState.FAILED
    assert run.error.startswith("3 attempts were cut off, no other follows. attempt 1: the fit process was killed")
    assert run.error.count("(SIGKILL)") == 3
    assert [path.name for path in place_of(run.prefix).iterdir()] == ["run.log"]


def test_a_run_whose_child_the_kernel_ended_for_its_memory_fails_at_once(
    queued: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    kills = [0]
    monkeypatch.setattr(child_module, "oom_kills", lambda: kills[0])  # the machine cannot be filled for a test
    run = queued(**ENDLESS)
    thread = in_background(run)
    (child,) = training_children()
    kills[0] = 1
    child.kill()
    thread.join(20)
    run.refresh_from_db()
    assert (run.state, run.attempts) == (RunState.FAILED, 1)
    assert "killed by the kernel because the machine ran out of memory" in run.error


def test_a_worker_that_shuts_down_hands_its_run_back_and_another_goes_on(
    queued: Callable[..., Run], settings: Any
) -> None:
    settings.CHECKPOINT_SECONDS = 0
    run = queued(iter=1500)
    thread = in_background(run)
    until(lambda: place_of(run.checkpoint_prefix).exists())
    hand_all_back()
    thread.join(10)
    assert not thread.is_alive()
    run.refresh_from_db()
    assert (run.state, run.failures) == (RunState.QUEUED, [])
    assert run.enqueued is not None, "another worker hears of it at once"
    assert not training_children()
    with pytest.raises(HandedBack):
        execute_run(run.id)  # a message that comes while the worker ends
    shutdown.requested.clear()
    settings.CHECKPOINT_SECONDS = 1000
    execute_run(run.id)
    run.refresh_from_db()
    assert (run.state, run.failures, run.attempts) == (RunState.SUCCEEDED, [], 2)
    assert run.progress["resumed_from_epoch"] > 0


def test_a_run_is_handed_back_while_its_supervisor_is_held_up(
    queued: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    held_up, go_on = threading.Event(), threading.Event()

    def publish(*_: Any, **__: Any) -> None:
        held_up.set()
        go_on.wait(60)

    run = queued()
    monkeypatch.setattr(files, "publish", publish)  # as a storage that does not answer
    thread = threading.Thread(target=execute_run, args=[run.id])
    thread.start()
    assert held_up.wait(60)
    hand_all_back()
    until(lambda: Run.objects.get().state == RunState.QUEUED, seconds=5)
    go_on.set()
    thread.join(10)
    assert Run.objects.get().state == RunState.QUEUED


def test_a_cancelled_run_is_so_at_once_and_its_child_ends_within_two_seconds(queued: Callable[..., Run]) -> None:
    run = queued(**ENDLESS)
    thread = in_background(run)
    began = time.monotonic()
    assert Api().delete(TRAIN).body["state"] == "cancelled"
    thread.join(20)
    assert time.monotonic() - began < 2
    run.refresh_from_db()
    assert (run.state, run.error) == (RunState.CANCELLED, "cancelled on request")
    assert not training_children()
    assert [path.name for path in place_of(run.prefix).iterdir()] == ["run.log"]


def test_a_run_that_is_cancelled_while_its_model_is_stored_leaves_no_model(
    queued: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    publish = files.publish

    def cancel_and_publish(*given: Any, **options: Any) -> None:
        assert Api().delete(TRAIN).body["state"] == "cancelled"
        publish(*given, **options)

    run = queued()
    monkeypatch.setattr(files, "publish", cancel_and_publish)
    execute_run(run.id)
    run.refresh_from_db()
    assert run.state == RunState.CANCELLED
    assert [path.name for path in place_of(run.prefix).iterdir()] == ["run.log"]


def test_a_run_whose_worker_is_dead_can_be_cancelled(queued: Callable[..., Run]) -> None:
    run = queued()
    claimed = claim(Run, run.id)
    checkpoint = place_of(run.checkpoint_prefix)
    checkpoint.mkdir(parents=True)
    assert Api().delete(TRAIN).body["state"] == "cancelled"
    assert not checkpoint.exists()
    assert not transitions.beat(claimed, {})


@pytest.mark.parametrize("threads", [8])
def test_of_workers_that_hear_of_a_run_at_once_one_trains_it(queued: Callable[..., Run], threads: int) -> None:
    run, together = queued(), threading.Barrier(threads)

    def claim_now(_: int) -> Run | None:
        together.wait()
        try:
            return claim(Run, run.id)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(threads) as pool:
        claimed = [found for found in pool.map(claim_now, range(threads)) if found]
    assert [found.attempts for found in claimed] == [1]


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
    Api().delete(TRAIN)
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
