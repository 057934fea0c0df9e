"""Several web processes count on one day, at once."""

import threading
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import connection

from tests.workflows.watching.month import entry, usual
from workflows.models import LoggedRow, Run, Tally
from workflows.watching.log import PredictionLog

pytestmark = pytest.mark.django_db(transaction=True)

DAY = datetime(2026, 11, 20, 8, tzinfo=UTC)


def test_two_writers_on_one_day_lose_nothing(trained_run: Run, settings: Any) -> None:
    entries = [entry(trained_run, usual(20, seed), DAY) for seed in range(8)]
    connection.close()
    settings.LOG_QUEUE = 10_000
    logs = [PredictionLog(), PredictionLog()]
    together = threading.Barrier(2)

    def serve(log: PredictionLog, part: int) -> None:
        for each in entries[part::2]:
            together.wait(30)
            log.put(each)
            assert log.flush(30)

    threads = [threading.Thread(target=serve, args=(log, part)) for part, log in enumerate(logs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for log in logs:
        log.close(30)
    tally = Tally.objects.get()
    assert (tally.run, tally.day, tally.rows) == (trained_run, date(2026, 11, 20), 160)
    assert sum(tally.counts["columns"]["grade"]) == 160
    assert LoggedRow.objects.count() == 160


def test_requests_of_two_days_are_counted_apart(trained_run: Run, settings: Any) -> None:
    log = PredictionLog()
    settings.LOG_QUEUE = 100
    for moment in (DAY, datetime(2026, 11, 20, 23, 59, 59, tzinfo=UTC), datetime(2026, 11, 21, tzinfo=UTC)):
        log.put(entry(trained_run, usual(10, 1), moment))
    assert log.flush(30)
    log.close(30)
    assert list(Tally.objects.order_by("day").values_list("day", "rows")) == [
        (date(2026, 11, 20), 20), (date(2026, 11, 21), 10),
    ]  # fmt: skip
