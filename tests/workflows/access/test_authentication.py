"""A token is a secret that is stored as a digest and does not last for ever."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.workflows.access.people import as_holder_of, deactivate
from tests.workflows.conftest import Api
from workflows.models import Token

SELF = "access/self/"


def answered(authorization: str | None) -> int:
    headers: Any = {} if authorization is None else {"Authorization": authorization}
    return as_holder_of(None).get(SELF, **headers).status


def test_the_header_says_bearer_or_token_in_any_case(tokens: dict[str, str]) -> None:
    for scheme in ("Bearer", "bearer", "Token", "TOKEN"):
        assert answered(f"{scheme} {tokens['reader']}") == 200


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Basic {}", "{}", "Bearer {} {}", "Bearer {}x", "Bearer é{}", "Bearer \x7f"],
)
def test_anything_else_is_401(tokens: dict[str, str], authorization: str | None) -> None:
    given = authorization.replace("{}", tokens["reader"]) if authorization else authorization
    assert answered(given) == 401


def test_the_database_holds_no_token(tokens: dict[str, str]) -> None:
    stored = str(list(Token.objects.values()))
    assert all(token not in stored and token[20:] not in stored for token in tokens.values())


def test_an_expired_token_is_401_and_stays_where_it_is(tokens: dict[str, str]) -> None:
    Token.objects.filter(user__username="reader").update(expiry=timezone.now() - timedelta(seconds=1))
    before = Token.objects.count()
    assert answered(f"Bearer {tokens['reader']}") == 401
    assert Token.objects.count() == before


def test_a_deactivated_user_is_401(tokens: dict[str, str]) -> None:
    deactivate("reader")
    assert answered(f"Bearer {tokens['reader']}") == 401


def test_a_read_writes_nothing(people: dict[str, Api]) -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert people["reader"].get("common/target/nninfo/nnid/all/").status == 200
    assert [query["sql"] for query in queries if not query["sql"].startswith("SELECT")] == []
