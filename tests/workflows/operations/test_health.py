"""Alive, and ready: what probes are told."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from workflows.models import Network, Run, Version, WorkerBeat
from workflows.operations import health
from workflows.operations.queue import waiting_jobs

NOTHING = (float("-inf"), health.UNDER_WAY)


@pytest.fixture(autouse=True)
def nothing_kept() -> Iterator[None]:
    health._kept = NOTHING
    yield
    health._kept = NOTHING


def worker(name: str = "host:1", **fields: Any) -> WorkerBeat:
    now = timezone.now()
    return WorkerBeat.objects.create(name=name, host="host", **{"started": now, "seen": now, "running": 1} | fields)


def ready() -> tuple[int, Any]:
    answer = Client().get("/readyz")
    return answer.status_code, answer.json()


def test_alive_asks_no_database_and_takes_any_host_name() -> None:
    answer = Client(headers={"Host": "10.1.2.3"}).get("/healthz")  # without the db fixture a query would be an error
    assert (answer.status_code, answer.json()) == (200, {"alive": True})
    assert answer.headers["Cache-Control"] == "no-store"


def test_ready_when_every_part_works(db: None) -> None:
    worker()
    status, told = ready()
    assert (status, told["ready"], told["failed"]) == (200, True, []), told
    assert told["parts"]["workers"] == {"ok": True, "alive": 1, "running": 1}
    assert told["parts"]["queue"] == {"ok": True, "waiting": 0, "oldest_seconds": 0.0}
    assert set(told["parts"]) == {"database", "broker", "storage", "workers", "queue"}


def test_not_ready_without_a_worker_that_was_seen_lately(db: None, settings: Settings) -> None:
    worker(seen=timezone.now() - timedelta(seconds=settings.WORKER_LOST_SECONDS + 1))
    status, told = ready()
    assert (status, told["failed"]) == (503, ["workers"])


def test_not_ready_when_a_run_waits_for_too_long(db: None, settings: Settings) -> None:
    settings.QUEUE_LIMIT_SECONDS = 100
    worker()
    version = Version.objects.create(network=Network.objects.create(name="steel"), number=1)
    run = Run.objects.create(version=version, number=1, snapshot={})
    assert ready()[0] == 200
    health._kept = NOTHING
    Run.objects.filter(pk=run.pk).update(created=timezone.now() - timedelta(seconds=200))
    status, told = ready()
    assert (status, told["failed"]) == (503, ["queue"])
    assert "waits for 20" in told["parts"]["queue"]["error"]


def test_not_ready_when_the_storage_cannot_be_written_to(db: None, settings: Settings, tmp_path: Any) -> None:
    (tmp_path / "gone").write_text("a file where the folder should be")
    backend = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path / "gone"}}
    settings.STORAGES = settings.STORAGES | {"default": backend}
    worker()
    status, told = ready()
    assert (status, told["failed"]) == (503, ["storage"])
    assert "gone" not in str(told), "a stranger learns no paths"


def test_a_database_that_fails_is_named_and_not_a_500(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> Any:
        raise connection.Database.OperationalError("10.0.0.1 refuses")

    with monkeypatch.context() as patch:
        patch.setattr(connection, "cursor", refuse)
        status, told = ready()
    assert status == 503
    assert {"database", "workers", "queue"} <= set(told["failed"])
    assert told["parts"]["workers"]["error"] == "not asked: the database failed"
    assert "10.0.0.1" not in str(told)


def test_an_answer_is_kept_for_a_second(db: None) -> None:
    worker()
    assert ready()[0] == 200
    WorkerBeat.objects.all().delete()
    assert ready()[0] == 200


def test_while_one_looks_the_others_are_told_the_last_answer_at_once(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    worker()
    with health._lock:  # somebody is held up by a slow server
        assert ready() == (503, dict(health.UNDER_WAY))
    assert ready()[0] == 200
    monkeypatch.setattr(health, "KEPT_SECONDS", 0.0)
    with health._lock:
        assert ready()[0] == 200
        monkeypatch.setattr(health, "STALE_SECONDS", 0.0)
        assert ready()[0] == 503, "an answer of long ago says nothing"


def test_a_run_that_was_given_back_waits_since_then(db: None, settings: Settings) -> None:
    settings.QUEUE_LIMIT_SECONDS = 100
    worker()
    version = Version.objects.create(network=Network.objects.create(name="steel"), number=1)
    run = Run.objects.create(version=version, number=1, snapshot={}, heartbeat=timezone.now() - timedelta(seconds=5))
    Run.objects.filter(pk=run.pk).update(created=timezone.now() - timedelta(hours=3))
    status, told = ready()
    assert status == 200
    assert 5 <= told["parts"]["queue"]["oldest_seconds"] < 100


def test_the_longest_wait_is_told(db: None) -> None:
    now = timezone.now()
    for number, (created, heartbeat) in enumerate([(90, 10), (40, None), (30, None)], start=1):
        version = Version.objects.create(network=Network.objects.create(name=f"n{number}"), number=1)
        beat = None if heartbeat is None else now - timedelta(seconds=heartbeat)
        run = Run.objects.create(version=version, number=1, snapshot={}, heartbeat=beat)
        Run.objects.filter(pk=run.pk).update(created=now - timedelta(seconds=created))
    waiting, seconds = waiting_jobs()
    assert waiting == 3
    assert 40 <= seconds < 80
