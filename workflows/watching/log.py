"""The log of predictions, off the request's path: a bounded queue and one thread that writes, in each web process.

A request hands its rows over and goes on. The writer gathers for a moment, so that many requests become a few
statements. Memory is bounded by NNSERVICE_LOG_QUEUE rows: while the database is slow or away they wait, and what does
not fit is not logged, but counted, and said at most once a minute. A batch whose commit was cut off in the one moment
between the database's doing and saying it is written twice.
"""

import atexit
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import InterfaceError, OperationalError, close_old_connections, connection

from workflows.errors import Unavailable
from workflows.operations.metrics import rows_not_logged
from workflows.watching.entries import Entry, Row
from workflows.watching.writing import write

logger = logging.getLogger(__name__)

ROWS_AT_ONCE = 1000
"""So many are written as soon as they are there."""
GATHER_SECONDS = 1.0
"""Fewer wait for others for so long."""
IDLE_SECONDS = 60.0
"""Then the connection to the database is given back."""
PAUSE_SECONDS = 1.0
"""Between two attempts at a database that is away."""
PATIENCE_SECONDS = 600.0
"""Then a batch is given up: not the database is at fault, but something that it does not take."""
LAST_SECONDS = 2.0
"""What is left when the process ends is tried for so long; gunicorn waits for five."""
SAY_SECONDS = 60.0
AWAY = (OperationalError, InterfaceError, Unavailable)


class PredictionLog:
    """A queue of entries and the thread that writes them; the thread begins with the first, after gunicorn's fork."""

    def __init__(self, write: Callable[[Sequence[Entry]], None] = write) -> None:
        self._write = write
        self._changed = threading.Condition()
        self._waiting: deque[Entry] = deque()
        self._rows = 0  # those in the writer's hand included
        self._hurry = self._ending = False
        self._thread: threading.Thread | None = None
        self._unsaid = 0
        self._said = float("-inf")

    def put(self, entry: Entry) -> None:
        """Take an entry, as far as it fits, and return at once."""
        if settings.LOG_QUEUE == 0 or len(entry) == 0:
            return
        with self._changed:
            kept = entry.first(settings.LOG_QUEUE - self._rows)
            if kept is not None:
                self._waiting.append(kept)
                self._rows += len(kept)
                if self._thread is None or not self._thread.is_alive():
                    self._begin()
                elif len(self._waiting) == 1 or self._rows >= ROWS_AT_ONCE:
                    self._changed.notify_all()
        self._leave_out(len(entry) - (0 if kept is None else len(kept)), "queue full")

    def flush(self, timeout: float) -> bool:
        """Wait until everything taken is written, or given up; tell whether it was within so many seconds."""
        with self._changed:
            self._hurry = True
            self._changed.notify_all()
            try:
                return self._changed.wait_for(lambda: self._rows == 0, timeout)
            finally:
                self._hurry = False

    def close(self, timeout: float = LAST_SECONDS) -> None:
        """Write what is left, for so many seconds at most, and end the thread; another entry would begin anew."""
        with self._changed:
            thread, self._ending = self._thread, True
            self._changed.notify_all()
        if thread is not None:
            thread.join(timeout)
        with self._changed:
            if self._rows:
                logger.warning("%s rows were not logged: the process ends", self._rows)

    def _begin(self) -> None:
        self._ending = False
        self._thread = threading.Thread(target=self._serve, name="prediction log", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while entries := self._next():
            self._try(entries)
            with self._changed:
                self._rows -= sum(map(len, entries))
                self._changed.notify_all()
            self._leave_out(0, "")
        connection.close()

    def _next(self) -> list[Entry]:
        """Return the entries to write together; none when the thread is to end."""
        with self._changed:
            while not self._changed.wait_for(lambda: self._waiting or self._ending, IDLE_SECONDS):
                connection.close()
            self._changed.wait_for(lambda: self._rows >= ROWS_AT_ONCE or self._hurry or self._ending, GATHER_SECONDS)
            entries: list[Entry] = []
            rows = 0
            while self._waiting and rows < ROWS_AT_ONCE:
                entries.append(self._waiting.popleft())
                rows += len(entries[-1])
            if not entries:
                self._thread = None  # what comes from now on needs another one
            return entries

    def _try(self, entries: Sequence[Entry]) -> None:
        began = time.monotonic()
        while True:
            close_old_connections()
            try:
                self._write(entries)
                return
            except AWAY as error:
                connection.close()
                logger.warning("predictions cannot be logged now, trying again: %s", error)
                if time.monotonic() - began < (LAST_SECONDS if self._pause() else PATIENCE_SECONDS):
                    continue
            except Exception:  # a thread that ends would hold up the log for good
                logger.exception("predictions could not be logged")
            self._leave_out(sum(map(len, entries)), "not taken")
            return

    def _pause(self) -> bool:
        """Wait before the next attempt; tell whether the thread is to end."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._ending, PAUSE_SECONDS):
                return False
        time.sleep(LAST_SECONDS / 10)
        return True

    def _leave_out(self, rows: int, reason: str) -> None:
        """Count rows that are not logged, and say it if a minute has passed since that was last said."""
        if rows:
            rows_not_logged.labels(reason).inc(rows)
        with self._changed:
            self._unsaid += rows
            if not self._unsaid or time.monotonic() - self._said < SAY_SECONDS:
                return
            unsaid, self._unsaid, self._said = self._unsaid, 0, time.monotonic()
        logger.warning("%s rows were not logged: the sink is slow", unsaid)


log = PredictionLog()
atexit.register(log.close)


def log_prediction(
    version_id: int,
    run_id: UUID,
    rule_id: int | None,
    rows: Row | Sequence[Row],
    answers: Sequence[Row],
    created: datetime,
) -> None:
    """Log what a request asked, a row or several, and was answered; it does not wait. Only scored rows are logged."""
    if not answers or "score" not in answers[0]:
        return
    if "explanation" in answers[0]:  # several times as large as the row itself
        answers = [{name: value for name, value in answer.items() if name != "explanation"} for answer in answers]
    log.put(Entry(version_id, run_id, rule_id, [rows] if isinstance(rows, Mapping) else rows, answers, created))


def flush(timeout: float) -> bool:
    """Wait until what this process logged is written; tell whether it was within so many seconds."""
    return log.flush(timeout)
