"""Whether a connection lives is asked once a second of a thread, and after every error."""

from typing import Any

import pytest
from django.db import close_old_connections, connection

from workflows import database


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch, transactional_db: None) -> list[str]:
    """Give a list that grows whenever the database is asked whether it is there."""
    asked: list[str] = []
    connection.ensure_connection()
    monkeypatch.setattr(connection, "health_check_enabled", True)
    monkeypatch.setattr(connection, "is_usable", lambda: not asked.append("?"))
    monkeypatch.setattr(database._checks, "at", float("-inf"))
    return asked


def request(monkeypatch: pytest.MonkeyPatch, now: float) -> None:
    """Begin a request as Django does, and ask something of the database."""
    monkeypatch.setattr(database.time, "monotonic", lambda: now)
    close_old_connections()  # the order in which both hear of a request outside of tests
    database._trust()
    connection.close_if_health_check_failed()


def test_a_busy_thread_asks_once_a_second(checks: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for now in (10.0, 10.5, 10.9, 11.0, 11.5):
        request(monkeypatch, now)
    assert len(checks) == 2


def test_after_an_error_it_asks_at_once(checks: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    request(monkeypatch, 10.0)
    connection.errors_occurred = True
    request(monkeypatch, 10.1)
    assert len(checks) == 2
