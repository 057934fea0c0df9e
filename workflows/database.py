"""The connection to the database."""

import threading
import time
from typing import Any

from django.core.signals import request_started
from django.db import connection

TRUSTED_SECONDS = 1.0
"""So long after a thread's connection was found to live, Django does not ask the database once more whether it does."""


def let_go() -> None:
    """Close this thread's connection before a long wait, unless in a transaction; the next query opens another."""
    if not connection.in_atomic_block:
        connection.close()


class _Checks(threading.local):
    at = float("-inf")


_checks = _Checks()


def trust_recent_checks() -> None:
    """Ask the database whether a connection lives once a second, not at every request.

    After an error Django asks in any case.
    """
    request_started.connect(_trust, dispatch_uid="trust recent checks")


def _trust(**_signal: Any) -> None:
    now = time.monotonic()
    if now - _checks.at < TRUSTED_SECONDS:
        # Django's own receiver, which came first, has unset it
        connection.health_check_done = True  # type: ignore[attr-defined]  # the stubs lack it
    else:
        _checks.at = now
