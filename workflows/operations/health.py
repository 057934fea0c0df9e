"""Is the service alive, and can it do its work? Answered before anything else looks at the request.

`/healthz`: the process answers; it asks nobody. `/readyz`: database, broker, storage, workers and queue; 503 names what
failed. Both tell a stranger no names and no addresses: the log does.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.http.response import HttpResponseBase

from workflows import files
from workflows.operations.beats import living_workers
from workflows.operations.queue import waiting_jobs
from workflows.services.broker import require_broker

logger = logging.getLogger(__name__)

KEPT_SECONDS = 1.0
"""Answers are kept so long: anybody may ask, and each asks the database, the broker and the storage."""
STALE_SECONDS = 10.0
"""While somebody looks anew, for a minute if a server does not answer, the others are told the last answer so long."""


class PartFailed(RuntimeError):
    """A part of the service does not work; the message may be told to anybody."""


def check_database() -> dict[str, Any]:
    """Ask the database for something."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return {}


def check_broker() -> dict[str, Any]:
    """Connect to the broker."""
    require_broker()
    return {}


def check_storage() -> dict[str, Any]:
    """Write, and remove, a small file where uploads and artifacts are kept."""
    files.check_writable()
    return {}


def check_workers() -> dict[str, Any]:
    """Count the workers that live; none is a failure."""
    workers = living_workers()
    if not workers:
        raise PartFailed(f"no worker was seen in the last {settings.WORKER_LOST_SECONDS} s")
    return {"alive": len(workers), "running": sum(worker.running for worker in workers)}


def check_queue() -> dict[str, Any]:
    """Tell how many trainings and scoring jobs wait, and how long the first has; too long is a failure."""
    waiting, seconds = waiting_jobs()
    if 0 < settings.QUEUE_LIMIT_SECONDS < seconds:
        raise PartFailed(f"the oldest queued run waits for {seconds:.0f} s; start more workers")
    return {"waiting": waiting, "oldest_seconds": round(seconds, 1)}


CHECKS: Mapping[str, Callable[[], dict[str, Any]]] = {
    "database": check_database,
    "broker": check_broker,
    "storage": check_storage,
    "workers": check_workers,
    "queue": check_queue,
}
IN_THE_DATABASE = ("workers", "queue")
UNDER_WAY: Mapping[str, Any] = {
    "ready": False,
    "failed": list(CHECKS),
    "parts": {},
    "error": "being looked at; ask again",
}
_lock = threading.Lock()
_kept: tuple[float, Mapping[str, Any]] = (float("-inf"), UNDER_WAY)


def readiness() -> Mapping[str, Any]:
    """Return `ready`, the names of what `failed`, and what each part told.

    One thread looks, and no other waits for it: whoever asks while a server is slow would hold all threads otherwise.
    """
    global _kept  # noqa: PLW0603 - one answer for all threads
    looked, told = _kept
    age = time.monotonic() - looked
    if age < KEPT_SECONDS:
        return told
    if not _lock.acquire(blocking=False):
        return told if age < STALE_SECONDS else UNDER_WAY
    try:
        told = _look_at_all()
        _kept = (time.monotonic(), told)
    finally:
        _lock.release()
    return told


def _look_at_all() -> Mapping[str, Any]:
    parts: dict[str, dict[str, Any]] = {}
    for name, check in CHECKS.items():
        if name in IN_THE_DATABASE and not parts["database"]["ok"]:
            parts[name] = {"ok": False, "error": "not asked: the database failed"}
        else:
            parts[name] = _look(name, check)
    failed = [name for name, part in parts.items() if not part["ok"]]
    return {"ready": not failed, "failed": failed, "parts": parts}


def _look(name: str, check: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return {"ok": True, **check()}
    except PartFailed as error:
        return {"ok": False, "error": str(error)}
    except Exception as error:  # noqa: BLE001 - whatever fails is the answer: recorded in the log, named to the asker
        logger.warning("not ready, %s: %s", name, error)
        return {"ok": False, "error": "failed; the service's log says why"}


class HealthMiddleware:
    """Answers /healthz and /readyz under any host name and without a token: probes have neither."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.path_info == "/healthz":
            return _answer({"alive": True}, HTTPStatus.OK)
        if request.path_info == "/readyz":
            found = readiness()
            return _answer(found, HTTPStatus.OK if found["ready"] else HTTPStatus.SERVICE_UNAVAILABLE)
        return self.get_response(request)


def _answer(body: Mapping[str, Any], status: HTTPStatus) -> JsonResponse:
    return JsonResponse(dict(body), status=status, headers={"Cache-Control": "no-store"})
