"""What a lost message or a dead worker leaves behind is put right."""

from datetime import timedelta
from typing import Any

import pytest
from celery import current_app
from django.conf import settings
from django.utils import timezone

from workflows.execution.sweeper import sweep
from workflows.models import Network, Run, RunState, Version


@pytest.fixture
def make_run(db: None) -> Any:
    version = Version.objects.create(network=Network.objects.create(name="steel"), number=1)

    def make(state: RunState, **fields: Any) -> Run:
        return Run.objects.create(version=version, number=1, state=state, snapshot={}, **fields)

    return make


@pytest.fixture
def sent(django_capture_on_commit_callbacks: Any) -> Any:
    """Give a function that sweeps and returns how many messages then wait in the broker."""

    def count(**options: Any) -> int:
        with current_app.connection_for_write() as connection:
            broker = connection.default_channel.client
            broker.delete("celery")
            with django_capture_on_commit_callbacks(execute=True):
                sweep(**options)
            return int(broker.llen("celery"))

    return count


def ago(seconds: float) -> Any:
    return timezone.now() - timedelta(seconds=seconds)


def test_a_queued_run_whose_message_is_old_is_sent_again_once(make_run: Any, sent: Any) -> None:
    make_run(RunState.QUEUED, enqueued=ago(settings.MESSAGE_LOST_SECONDS + 1))
    assert sent() == 1
    assert sent() == 0


def test_a_queued_run_that_just_waits_is_left_alone_until_a_worker_starts(make_run: Any, sent: Any) -> None:
    make_run(RunState.QUEUED, enqueued=ago(1))
    assert sent() == 0
    assert sent(every_queued_run=True) == 1


def test_a_run_of_a_silent_worker_is_queued_again(make_run: Any, sent: Any) -> None:
    run = make_run(RunState.RUNNING, attempts=1, heartbeat=ago(settings.HEARTBEAT_LOST_SECONDS + 1))
    assert sent() == 1
    run.refresh_from_db()
    assert (run.state, run.attempts) == (RunState.QUEUED, 1)


def test_a_run_of_a_living_worker_is_left_alone(make_run: Any, sent: Any) -> None:
    run = make_run(RunState.RUNNING, attempts=1, heartbeat=ago(1))
    assert sent() == 0
    run.refresh_from_db()
    assert run.state == RunState.RUNNING


def test_a_run_whose_workers_died_too_often_fails(make_run: Any, sent: Any) -> None:
    run = make_run(RunState.RUNNING, attempts=settings.MAX_ATTEMPTS, heartbeat=ago(1000), worker="host:1")
    assert sent() == 0
    run.refresh_from_db()
    assert run.state == RunState.FAILED
    assert "host:1" in run.error


def test_a_cancelled_run_of_a_silent_worker_is_not_trained_again(make_run: Any, sent: Any) -> None:
    run = make_run(RunState.RUNNING, attempts=1, heartbeat=ago(1000), cancel_requested=True)
    assert sent() == 0
    run.refresh_from_db()
    assert run.state == RunState.CANCELLED
