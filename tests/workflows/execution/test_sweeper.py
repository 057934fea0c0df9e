"""What a lost message or a dead worker leaves behind is put right."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from django.conf import settings
from django.db import connection
from django.utils import timezone

from tests.workflows.scored import make_scoring_job
from workflows.errors import Unavailable
from workflows.execution import housekeeping, sweeper
from workflows.execution.duty import Duty
from workflows.execution.sightings import Sightings
from workflows.execution.sweeper import sweep
from workflows.execution.transitions import beat
from workflows.models import Job, Network, Run, RunState, ScoringJob, Version
from workflows.services.broker import waiting_messages
from workflows.worker import begin_to_sweep

LOST, OLD = settings.HEARTBEAT_LOST_SECONDS, settings.MESSAGE_LOST_SECONDS


class Clock:
    """The sweeper's own time."""

    now = 5000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for name in ("running", "queued"):
        monkeypatch.setattr(sweeper, name, Sightings(10 * LOST, clock))
    return clock


@pytest.fixture(autouse=True)
def server(broker: Path) -> Iterator[Any]:
    """Give the broker, with an empty queue."""
    with current_app.connection_for_write() as opened:
        client = opened.default_channel.client
        client.delete("celery", settings.SCORING_QUEUE)
        yield client


def make_run(state: RunState, name: str = "steel", **fields: Any) -> Run:
    version = Version.objects.create(network=Network.objects.create(name=name), number=1)
    return Run.objects.create(version=version, number=1, state=state, snapshot={}, **fields)


def make_job(kind: type[Job], state: RunState, **fields: Any) -> Job:
    """Make a training, or a scoring job of a run that succeeded."""
    return (
        make_run(state, **fields)
        if kind is Run
        else make_scoring_job(make_run(RunState.SUCCEEDED), state=state, **fields)
    )


def until_sent(server: Any) -> None:
    """Wait for a message."""
    deadline = time.monotonic() + 20
    while not server.llen("celery"):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def states() -> list[str]:
    return list(Run.objects.order_by("created").values_list("state", flat=True))


pytestmark = pytest.mark.django_db(transaction=True)
both_kinds = pytest.mark.parametrize(("kind", "queue"), [(Run, "celery"), (ScoringJob, settings.SCORING_QUEUE)])


def test_a_run_that_waits_without_a_message_is_sent_again_once(clock: Clock, server: Any) -> None:
    make_run(RunState.QUEUED, enqueued=timezone.now())
    sweep()
    assert server.llen("celery") == 0, "its message may just be on its way"
    clock.now += OLD
    sweep()
    assert server.llen("celery") == 1
    clock.now += OLD
    sweep()
    assert server.llen("celery") == 1, "a message waits"


def test_runs_that_wait_for_a_worker_are_left_alone(clock: Clock, server: Any) -> None:
    make_run(RunState.QUEUED, enqueued=timezone.now())
    server.rpush("celery", "a message")
    sweep()
    clock.now += 5 * OLD
    sweep()
    assert server.llen("celery") == 1


def test_a_queue_that_was_flushed_is_filled_again(clock: Clock, server: Any) -> None:
    for name in "abc":
        make_run(RunState.QUEUED, name, enqueued=timezone.now())
    server.rpush("celery", "of one of them")
    sweep()
    clock.now += OLD
    sweep()
    assert server.llen("celery") == 4


@both_kinds
def test_a_job_that_nobody_sent_is_sent_at_once(server: Any, kind: type[Job], queue: str) -> None:
    make_job(kind, RunState.QUEUED)
    sweep()
    assert server.llen(queue) == 1


def test_a_worker_that_starts_asks_for_no_proof(server: Any) -> None:
    make_run(RunState.QUEUED, enqueued=timezone.now())
    sweep(every_queued_run=True)
    assert server.llen("celery") == 1


@both_kinds
def test_a_job_of_a_silent_worker_is_queued_again_and_the_reason_kept(
    clock: Clock, server: Any, kind: type[Job], queue: str
) -> None:
    job = make_job(kind, RunState.RUNNING, attempts=1, worker="host:1")
    sweep()
    clock.now += LOST
    sweep()
    job.refresh_from_db()
    assert (job.state, job.attempts, server.llen(queue)) == (RunState.QUEUED, 1, 1)
    assert job.failures == [
        {"attempt": 1, "worker": "host:1", "reason": f"its worker host:1 gave no sign of life for {LOST} s"}
    ]


def test_a_run_of_a_living_worker_is_left_alone(clock: Clock) -> None:
    run = make_run(RunState.RUNNING, attempts=1)
    for _ in range(5):
        sweep()
        clock.now += LOST - 1
        assert beat(run, {})
    assert states() == [RunState.RUNNING]


@pytest.mark.parametrize("jump", [timedelta(hours=1), timedelta(hours=-1)])
def test_a_clock_that_jumps_takes_no_living_run_and_spares_no_dead_one(clock: Clock, jump: timedelta) -> None:
    make_run(RunState.RUNNING, attempts=1, heartbeat=timezone.now() + jump)
    sweep()
    clock.now += LOST - 1
    sweep()
    assert states() == [RunState.RUNNING]
    clock.now += 1
    sweep()
    assert states() == [RunState.QUEUED]


def test_after_the_database_was_away_workers_have_time_to_speak_again(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(RunState.RUNNING, attempts=1)
    sweep()
    clock.now += LOST
    with monkeypatch.context() as away:
        away.setitem(connection.settings_dict, "NAME", "/nowhere/db.sqlite3")
        connection.close()
        with pytest.raises(sweeper.DatabaseError):
            sweep()
    connection.close()
    sweep()
    run.refresh_from_db()
    assert run.state == RunState.RUNNING


@both_kinds
def test_a_job_whose_workers_died_too_often_fails_and_tells_every_reason(
    clock: Clock, kind: type[Job], queue: str
) -> None:
    earlier = [{"attempt": n, "worker": f"host:{n}", "reason": f"lightning {n}"} for n in (1, 2)]
    job = make_job(kind, RunState.RUNNING, attempts=4, worker="host:4", failures=earlier[: settings.MAX_ATTEMPTS - 1])
    sweep()
    clock.now += LOST
    sweep()
    job.refresh_from_db()
    assert job.state == RunState.FAILED
    assert "3 attempts were cut off" in job.error
    for told in ("attempt 1: lightning 1", "attempt 2: lightning 2", "attempt 4: its worker host:4 gave no sign"):
        assert told in job.error


def test_sweepers_that_meet_do_everything_once(clock: Clock, server: Any) -> None:
    for name in "abcde":
        make_run(RunState.RUNNING, name, attempts=1)
        make_run(RunState.QUEUED, name + name)
    sweep()
    server.delete("celery")
    clock.now += LOST
    Run.objects.filter(state=RunState.QUEUED).update(enqueued=None)
    together = threading.Barrier(4)

    def sweep_now(_: int) -> None:
        together.wait()
        sweep()
        connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(sweep_now, range(4)))
    assert set(states()) == {RunState.QUEUED}
    assert server.llen("celery") == 10
    assert all(len(failures) in (0, 1) for failures in Run.objects.values_list("failures", flat=True))


def test_a_sweeper_goes_on_whatever_its_first_sweep_met(
    server: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_back, calls = sweeper._take_back, []

    def fail_once() -> None:
        calls.append(None)
        if len(calls) == 1:
            raise RuntimeError("of a kind that nobody thought of")
        take_back()

    settings.SWEEP_SECONDS = 0.05
    monkeypatch.setattr(sweeper, "_take_back", fail_once)
    make_run(RunState.QUEUED, enqueued=timezone.now())
    thread = sweeper.Sweeper()
    thread.start()
    until_sent(server)
    thread.stop()


def test_a_broker_that_answers_with_an_error_keeps_no_run_of_a_dead_worker(clock: Clock, server: Any) -> None:
    server.set("celery", "no list of messages")
    with pytest.raises(Unavailable):
        waiting_messages("celery")
    make_run(RunState.RUNNING, attempts=1)
    sweep()
    clock.now += LOST
    sweep()
    assert states() == [RunState.QUEUED]
    server.delete("celery")


def test_the_sweeper_of_a_worker_sweeps_by_itself(server: Any, settings: Any) -> None:
    settings.SWEEP_SECONDS = 0.05
    make_run(RunState.QUEUED)
    thread = sweeper.Sweeper()
    thread.start()
    until_sent(server)
    thread.stop()
    assert not thread.is_alive()


def test_a_worker_sweeps_while_its_housekeeping_takes_hours(
    server: Any, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, release = threading.Event(), threading.Event()

    def list_a_slow_bucket() -> None:
        began.set()
        release.wait(60)

    settings.SWEEP_SECONDS = 0.05
    monkeypatch.setattr(housekeeping, "_done", float("-inf"))
    monkeypatch.setattr(housekeeping, "remove_leftovers", list_a_slow_bucket)
    before = set(threading.enumerate())
    begin_to_sweep()
    duties = [thread for thread in threading.enumerate() if thread not in before and isinstance(thread, Duty)]
    try:
        assert began.wait(20)
        for name in "ab":
            make_run(RunState.QUEUED, name)
            until_sent(server)
            server.delete("celery")
    finally:
        release.set()
        for duty in duties:
            duty.stop(20)
    assert not any(duty.is_alive() for duty in duties)
