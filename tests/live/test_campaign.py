"""Random calls to the running service are answered as its description says; `bin/bench api_calls` makes more."""

from collections import Counter
from typing import Any

import pytest

from benchmarks.api_calls import campaign_of, operations, prepare
from tests.live.guide import SESSIONS

EXAMPLES = 20


@pytest.fixture
def headers(service: Any) -> dict[str, str]:
    """Give what a call must carry: a token where the service asks for one."""
    session = SESSIONS.get(service.url)
    return {"Authorization": str(session.headers["Authorization"])} if session else {}


def test_random_calls_are_answered_as_described(service: Any, headers: dict[str, str]) -> None:
    prepare(service.url, headers)
    found = operations(service.url, headers)
    assert len(found) > 50
    answered: Counter[tuple[str, int]] = Counter()
    callers = [headers, headers, {}] if headers else [{}]
    for operation in found:
        campaign_of(operation, answered, callers, examples=EXAMPLES, number=0)()
    assert sum(answered.values()) >= 1_000
    assert {status for _, status in answered} >= {200, 400, 404, 409, 422} | ({401} if headers else set())
    assert {name for name, status in answered if status == 200} >= {"network_create", "feeder_set", "version_list"}
