"""Living workers: each writes a row of its own every few seconds, by the clock of the database."""

import logging
import os
import socket
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta

from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections
from django.db.models import DurationField, ExpressionWrapper, F
from django.db.models.functions import Now

from nnservice import __version__
from workflows.execution.memory import MemoryGuard
from workflows.models import WorkerBeat

logger = logging.getLogger(__name__)

FORGOTTEN = timedelta(days=1)


class Beat(threading.Thread):
    """Writes that this worker process lives, until `stop` is called; a database that is away is tried again."""

    def __init__(self) -> None:
        super().__init__(name="worker beat", daemon=True)
        self._host = socket.gethostname()
        self._name = f"{self._host}:{os.getpid()}"
        self._ended = threading.Event()
        self._introduced = False

    def run(self) -> None:
        """Write the row now and then."""
        while not self._ended.is_set():
            self._try(self._write)
            self._ended.wait(settings.WORKER_BEAT_SECONDS)
        self._try(self._remove)
        close_old_connections()

    def stop(self, seconds: float = 2.0) -> None:
        """Delete the row, and wait at most so long for it."""
        self._ended.set()
        if self.is_alive():
            self.join(seconds)

    def _write(self) -> None:
        now = {"seen": Now(), "running": MemoryGuard.count()}
        # A row of this name may be that of another process: in containers, every worker is process 1 of its host.
        if not self._introduced or not WorkerBeat.objects.filter(name=self._name).update(**now):
            fixed = {"host": self._host, "slots": settings.WORKER_CONCURRENCY, "release": __version__}
            told = {"started": Now(), **fixed, **now}
            WorkerBeat.objects.update_or_create(name=self._name, defaults=told)
            self._introduced = True
        forgotten = [worker.pk for worker, silent in seen_workers() if silent > FORGOTTEN]
        WorkerBeat.objects.filter(pk__in=forgotten).delete()

    def _remove(self) -> None:
        WorkerBeat.objects.filter(name=self._name).delete()

    def _try(self, write: Callable[[], None]) -> None:
        try:
            close_old_connections()
            write()
        except (DatabaseError, InterfaceError) as error:
            logger.warning("the worker's heartbeat could not be written: %s", error)


def seen_workers() -> Sequence[tuple[WorkerBeat, timedelta]]:
    """Return the workers known, and how long ago each was seen."""
    silent = ExpressionWrapper(Now() - F("seen"), output_field=DurationField())
    return [(worker, worker.silent) for worker in WorkerBeat.objects.annotate(silent=silent)]


def living_workers() -> Sequence[WorkerBeat]:
    """Return the workers that were seen within the last minute."""
    lost = timedelta(seconds=settings.WORKER_LOST_SECONDS)
    return [worker for worker, silent in seen_workers() if silent < lost]
