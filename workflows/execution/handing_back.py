"""Giving runs back when their worker must end: within seconds, whatever their supervisors are busy with."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from django.db import close_old_connections, connection

from workflows.execution import shutdown, transitions
from workflows.execution.child import Child
from workflows.execution.watch import DATABASE_DOWN, POLL_SECONDS
from workflows.models import Job

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 600
LAST_SECONDS = 8
"""Who is told to end tries for so long: then it is killed, and its runs are lost and found by a sweeper."""

Returned = TypeVar("Returned")


class UnderWay:
    """An attempt at a run, and its child process while there is one."""

    def __init__(self, run: Job) -> None:
        self._run = run
        self._child: Child | None = None

    def watch_over(self, child: Child) -> None:
        """Have the child killed when the worker is told to end."""
        self._child = child
        if shutdown.requested.is_set():
            child.kill()  # it was started just too late for `give_back`

    def give_back(self) -> None:
        """Kill the child and give the run back."""
        if self._child is not None:
            self._child.kill()
        try:
            persistently(lambda: transitions.hand_back(self._run))
        finally:
            connection.close()


_under_way: set[UnderWay] = set()


@contextmanager
def under_way(run: Job) -> Iterator[UnderWay]:
    """Have the run given back when the worker is told to end before the block does."""
    attempt = UnderWay(run)
    _under_way.add(attempt)
    try:
        yield attempt
    finally:
        _under_way.discard(attempt)


def hand_all_back() -> None:
    """Kill the children and give the runs back. Their supervisors may be held up by the database or the storage."""
    shutdown.requested.set()
    for attempt in list(_under_way):
        threading.Thread(target=attempt.give_back, name="handing back", daemon=True).start()


def persistently(call: Callable[[], Returned]) -> Returned:
    """Try a database call again and again for some minutes: hours of training hang on it."""
    began = time.monotonic()
    while True:
        close_old_connections()
        try:
            return call()
        except DATABASE_DOWN as error:
            patience = LAST_SECONDS if shutdown.requested.is_set() else PATIENCE_SECONDS
            if time.monotonic() - began > patience:
                raise
            logger.warning("the database cannot be reached, trying again: %s", error)
            time.sleep(POLL_SECONDS)
