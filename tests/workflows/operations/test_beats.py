"""Workers that live are seen, those that are gone are not."""

import time
from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django import Settings

from nnservice import __version__
from workflows.models import WorkerBeat
from workflows.operations.beats import Beat, living_workers


@pytest.mark.django_db(transaction=True)
def test_a_worker_is_seen_while_it_lives_and_not_after_it_ended(settings: Settings) -> None:
    settings.WORKER_BEAT_SECONDS = 0.05
    beat = Beat()
    beat.start()
    deadline = time.monotonic() + 10
    while not living_workers():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    (worker,) = living_workers()
    assert (worker.running, worker.release, worker.slots) == (0, __version__, settings.WORKER_CONCURRENCY)
    first = worker.seen
    while living_workers()[0].seen == first:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    beat.stop()
    assert not living_workers()


def test_a_worker_that_was_killed_is_not_counted(db: None, settings: Settings) -> None:
    long_ago = timezone.now() - timedelta(seconds=settings.WORKER_LOST_SECONDS + 1)
    WorkerBeat.objects.create(name="a:1", host="a", started=long_ago, seen=long_ago)
    assert not living_workers()


def test_a_worker_started_again_under_the_same_name_tells_its_own_start_and_release(db: None) -> None:
    beat = Beat()
    long_ago = timezone.now() - timedelta(days=2)
    WorkerBeat.objects.create(name=beat._name, host=beat._host, started=long_ago, seen=long_ago, release="0.0.1")
    beat._write()
    (worker,) = living_workers()
    assert (worker.release, worker.started > long_ago) == (__version__, True)
    started = worker.started
    beat._write()
    assert living_workers()[0].started == started
