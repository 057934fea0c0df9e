"""Requests are counted in the real broker's server, by all processes together."""

from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from redis.connection import AbstractConnection

from nnservice.env import login_rates
from tests.workflows.access.people import as_holder_of
from tests.workflows.conftest import NETWORK, Api
from workflows.access import throttles
from workflows.models import AuditEntry, Network

DAY = 86_400


@pytest.fixture(autouse=True)
def counted_from_zero() -> None:
    cache.clear()


def test_a_user_who_asks_too_often_is_told_when_to_come_back(token_mode: Any, people: dict[str, Api]) -> None:
    token_mode.THROTTLES = {"user": (3, DAY), "stranger": None}
    assert [people["reader"].get("access/self/").status for _ in range(5)] == [200, 200, 200, 429, 429]
    refused = people["reader"].get("access/self/")
    assert 0 < int(refused.headers["Retry-After"]) <= DAY
    assert refused.body["status"] == "429"
    assert people["editor"].get("access/self/").status == 200


def test_strangers_are_counted_by_address_whatever_token_they_try(token_mode: Any, people: dict[str, Api]) -> None:
    token_mode.THROTTLES = {"user": None, "stranger": (3, DAY)}
    tried = [as_holder_of(f"nns_{n:064d}").get("access/self/").status for n in range(3)]
    assert tried == [401, 401, 401]
    assert people["anonymous"].get("access/self/").status == 429
    assert people["anonymous"].get("access/self/", X_Forwarded_For="1.2.3.4").status == 429
    assert people["reader"].get("access/self/").status == 200


def test_a_throttled_change_fills_no_log(token_mode: Any, people: dict[str, Api]) -> None:
    token_mode.THROTTLES = {"user": (1, DAY)}
    people["other"].post(NETWORK, {})
    assert people["other"].delete(NETWORK).status == 429
    assert AuditEntry.objects.count() == 1


def test_what_is_refused_is_counted_too_and_fills_the_log_no_further(
    token_mode: Any, people: dict[str, Api], steel: Network
) -> None:
    token_mode.THROTTLES = {"user": (3, DAY)}
    assert [people["reader"].delete(NETWORK).status for _ in range(6)] == [403, 403, 403, 429, 429, 429]
    assert [people["other"].get(NETWORK).status for _ in range(5)] == [404, 404, 404, 429, 429]
    assert AuditEntry.objects.count() == 3


def test_the_next_window_begins_anew(token_mode: Any, tokens: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    token_mode.THROTTLES = {"user": (2, 60)}
    now = 1_000_000_000.0
    monkeypatch.setattr(throttles.time, "time", lambda: now)
    assert [throttles.count("user", "1") for _ in range(3)] == [None, None, 20.0]
    now += 20
    assert throttles.count("user", "1") is None


def test_nothing_is_counted_unless_a_rate_is_set(api: Api, settings: Any) -> None:
    assert set(settings.THROTTLES.values()) == {None}, "open mode"
    assert [api.get("access/self/").status for _ in range(20)] == [200] * 20


def test_in_open_mode_a_rate_holds_by_address(api: Api, settings: Any) -> None:
    settings.THROTTLES = {"user": (2, DAY)}
    assert [api.get("access/self/").status for _ in range(3)] == [200, 200, 429]


def test_requests_pass_when_the_counter_is_down(
    token_mode: Any, people: dict[str, Api], caplog: pytest.LogCaptureFixture
) -> None:
    token_mode.THROTTLES = {"user": (1, DAY)}
    token_mode.CACHES = {
        "default": {**token_mode.CACHES["default"], "LOCATION": "redis://127.0.0.1:1/0"},
    }
    assert [people["reader"].get("access/self/").status for _ in range(3)] == [200, 200, 200]
    assert "requests are not counted" in caplog.text


def test_a_request_is_counted_with_one_question_to_the_server(token_mode: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    token_mode.THROTTLES = {"user": (2, DAY)}
    asked: list[Any] = []
    send = AbstractConnection.send_packed_command
    throttles.count("user", "1")  # which may connect

    def seen(connection: Any, command: Any, **options: Any) -> Any:
        asked.append(command)
        return send(connection, command, **options)

    monkeypatch.setattr(AbstractConnection, "send_packed_command", seen)
    assert throttles.count("user", "1") is None
    assert len(asked) == 1
    assert throttles.count("user", "1") is not None


def test_two_processes_let_together_no_more_pass_than_the_limit(token_mode: Any) -> None:
    token_mode.THROTTLES = {"user": (5_000, DAY)}
    processes = [throttles.CountedAhead() for _ in range(2)]
    passed = sum(processes[n % 2].count("1") is None for n in range(6_000))
    assert passed == 5_000


def test_what_one_process_took_and_nobody_asked_for_is_a_hundredth_of_the_limit_at_most(token_mode: Any) -> None:
    token_mode.THROTTLES = {"user": (5_000, DAY)}
    idle, busy = throttles.CountedAhead(), throttles.CountedAhead()
    assert idle.count("1") is None
    passed = sum(busy.count("1") is None for _ in range(6_000))
    assert 5_000 - 50 <= passed < 5_000


def test_most_requests_of_a_high_limit_ask_no_server(token_mode: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    token_mode.THROTTLES = {"user": (6_000, DAY)}
    asked: list[int] = []
    raised = throttles._raised

    def seen(key: str, seconds: int, *, by: int) -> int:
        asked.append(by)
        return raised(key, seconds, by=by)

    monkeypatch.setattr(throttles, "_raised", seen)
    process = throttles.CountedAhead()
    assert [process.count("1") for _ in range(1_000)] == [None] * 1_000
    assert len(asked) < 25
    assert 1_000 <= sum(asked) < 1_060


def test_what_was_taken_ahead_is_of_its_window_alone(token_mode: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    token_mode.THROTTLES = {"user": (1_000, 60)}
    now = 1_000_000_000.0
    monkeypatch.setattr(throttles.time, "time", lambda: now)
    process = throttles.CountedAhead()
    assert sum(process.count("1") is None for _ in range(1_100)) == 1_000
    now += 60
    assert sum(process.count("1") is None for _ in range(1_100)) == 1_000


def test_a_counter_goes_when_its_time_is_over(token_mode: Any) -> None:
    token_mode.THROTTLES = {"user": (2, DAY)}
    assert [throttles.count("user", "1") is None for _ in range(3)] == [True, True, False]
    server = cache._cache.get_client()
    (key,) = server.keys("*throttle:user:1:*")
    assert DAY < server.ttl(key) <= 2 * DAY


def tried(name: str, **address: str) -> int:
    return Client(**address).post("/admin/login/", {"username": name, "password": "guess"}).status_code


def test_passwords_of_the_admin_site_are_not_tried_at_full_speed_from_one_address(token_mode: Any) -> None:
    token_mode.THROTTLES = {"login": (2, DAY)}
    assert [tried(name) for name in ("ann", "ben", "cat")] == [200, 200, 429]
    assert tried("dan", REMOTE_ADDR="10.0.0.2") == 200
    answer = Client().post("/admin/login/", {"username": "eve", "password": "guess"})
    assert "Retry-After" in answer.headers
    assert Client().get("/admin/login/").status_code == 200


def test_nobody_keeps_an_administrator_out_by_guessing(token_mode: Any) -> None:
    token_mode.THROTTLES = login_rates((12, DAY))
    assert [tried("ann", REMOTE_ADDR="10.0.0.1") for _ in range(4)] == [200, 200, 429, 429]
    assert tried("ben", REMOTE_ADDR="10.0.0.1") == 200
    assert tried("ann", REMOTE_ADDR="10.0.0.2") == 200


def test_nor_for_one_name_from_many_addresses(token_mode: Any) -> None:
    token_mode.THROTTLES = {"name": (2, DAY)}
    names = ("ann", " ann", "ａｎｎ")  # to the form they are one
    assert [tried(name, REMOTE_ADDR=f"10.0.0.{n}") for n, name in enumerate(names)] == [200, 200, 429]


def test_strangers_do_not_keep_anybody_from_logging_in(token_mode: Any, people: dict[str, Api]) -> None:
    token_mode.THROTTLES = {"stranger": (1, DAY), "login": (1, DAY)}
    assert [people["anonymous"].get("access/self/").status for _ in range(2)] == [401, 429]
    assert tried("ann") == 200
