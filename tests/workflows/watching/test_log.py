"""The queue between requests and the writer; what is written is tested beside it."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import OperationalError

from workflows.operations.metrics import rows_not_logged
from workflows.watching import log as module
from workflows.watching.entries import Entry
from workflows.watching.log import PredictionLog

RUN = UUID(int=1)
LONG = 30.0
"""Seconds that nothing takes; a test that waits for so long fails."""


def entry(rows: int, first: int = 0, **more: Any) -> Entry:
    answers = [{"row_id": f"p-{first + n}", "score": 0.5, "anomaly": False, **more} for n in range(rows)]
    return Entry(1, RUN, None, [{}] * rows, answers, datetime.now(UTC))


def left_out(reason: str) -> float:
    return float(rows_not_logged.labels(reason)._value.get())


class Sink:
    """What is written to in place of the database; it can be held up."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.batches = 0
        self.reached, self.open = threading.Event(), threading.Event()
        self.open.set()
        self.error: Callable[[], Exception | None] = lambda: None

    def __call__(self, entries: Sequence[Entry]) -> None:
        self.reached.set()
        assert self.open.wait(LONG)
        error = self.error()
        if error is not None:
            raise error
        self.batches += 1
        self.written += [answer["row_id"] for entry in entries for answer in entry.answers]


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest.fixture
def log(sink: Sink, settings: Any) -> Iterator[PredictionLog]:
    settings.LOG_QUEUE = 10
    made = PredictionLog(sink)
    yield made
    sink.open.set()
    made.close(LONG)


def hold_up(log: PredictionLog, sink: Sink) -> None:
    """Have one row in the writer's hand, and the sink closed."""
    sink.open.clear()
    log.put(entry(1))
    assert sink.reached.wait(LONG)


def test_rows_are_written_in_the_order_in_which_they_came(log: PredictionLog, sink: Sink) -> None:
    for first in range(0, 9, 3):
        log.put(entry(3, first))
    assert log.flush(LONG)
    assert sink.written == [f"p-{n}" for n in range(9)]


def test_requests_that_come_while_the_sink_is_busy_are_written_together(log: PredictionLog, sink: Sink) -> None:
    hold_up(log, sink)
    for first in (1, 2, 3):
        log.put(entry(1, first))
    sink.open.set()
    assert log.flush(LONG)
    assert sink.batches == 2


def test_what_does_not_fit_is_dropped_and_counted_and_nobody_waits(
    log: PredictionLog, sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    before = left_out("queue full")
    hold_up(log, sink)
    with caplog.at_level(logging.WARNING):
        log.put(entry(8, 1))
        log.put(entry(4, 20))
        log.put(entry(4, 30))
    assert left_out("queue full") - before == 7
    assert caplog.messages == ["3 rows were not logged: the sink is slow"], "the others are said a minute later"
    sink.open.set()
    assert log.flush(LONG)
    assert sink.written == [f"p-{n}" for n in range(9)] + ["p-20"]
    log.put(entry(10, 40))
    assert log.flush(LONG)
    assert len(sink.written) == 20


def test_a_graph_is_logged_whole_or_not_at_all(log: PredictionLog, sink: Sink) -> None:
    log.put(entry(11, u="p1", v="d1"))
    log.put(entry(10, 50, u="p1", v="d1"))
    assert log.flush(LONG)
    assert sink.written == [f"p-{n}" for n in range(50, 60)]


def test_a_queue_of_no_rows_is_no_log(log: PredictionLog, sink: Sink, settings: Any) -> None:
    before = left_out("queue full")
    settings.LOG_QUEUE = 0
    log.put(entry(1))
    assert log.flush(0)
    assert log._thread is None
    assert left_out("queue full") == before


def test_a_database_that_is_away_is_tried_again(
    log: PredictionLog, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0.01)
    away = [OperationalError("no route to host")] * 3
    sink.error = lambda: away.pop() if away else None
    log.put(entry(2))
    assert log.flush(LONG)
    assert sink.written == ["p-0", "p-1"]


def test_a_batch_that_is_never_taken_is_given_up_and_the_next_one_is_written(
    log: PredictionLog, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.05)
    before = left_out("not taken")
    sink.error = lambda: OperationalError("no")
    log.put(entry(2))
    assert log.flush(LONG)
    assert left_out("not taken") - before == 2
    sink.error = lambda: None
    log.put(entry(1, 7))
    assert log.flush(LONG)
    assert sink.written == ["p-7"]


def test_an_error_that_nobody_expected_costs_its_batch_alone(
    log: PredictionLog, sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    before = left_out("not taken")
    errors = [TypeError("unexpected")]
    sink.error = lambda: errors.pop() if errors else None
    log.put(entry(1))
    assert log.flush(LONG)
    log.put(entry(1, 1))
    assert log.flush(LONG)
    assert sink.written == ["p-1"]
    assert left_out("not taken") - before == 1
    assert "predictions could not be logged" in caplog.messages


def test_at_the_end_of_the_process_what_is_left_is_written(log: PredictionLog, sink: Sink) -> None:
    log.put(entry(5))
    log.close(LONG)
    assert len(sink.written) == 5
    log.put(entry(1, 9))
    assert log.flush(LONG), "what comes later begins anew"
    assert len(sink.written) == 6


def test_at_the_end_of_the_process_a_sink_that_is_held_up_is_not_waited_for_for_ever(
    log: PredictionLog, sink: Sink, caplog: pytest.LogCaptureFixture
) -> None:
    hold_up(log, sink)
    log.close(0.01)
    assert caplog.messages == ["1 rows were not logged: the process ends"]
    assert not log.flush(0.01)
