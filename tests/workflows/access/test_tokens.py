from typing import Any

import pytest

from tests.workflows.access.people import as_holder_of, bodies
from tests.workflows.conftest import Api
from workflows.access.tokens import create_token
from workflows.access.users import get_user
from workflows.errors import Conflict

TOKENS = "access/token/"


def test_a_token_is_shown_once_and_works(people: dict[str, Api]) -> None:
    made = people["reader"].post(TOKENS, {"name": "laptop", "days": 3}).body
    assert made["token"].startswith(made["begins"])
    assert as_holder_of(made["token"]).get("access/self/").body["user"] == "reader"
    listed = people["reader"].get(TOKENS).body
    assert bodies(listed, "name") == ["first", "laptop", "spare"]
    assert made["token"] not in str(listed)


def test_each_sees_and_deletes_only_their_own(people: dict[str, Api], tokens: dict[str, str]) -> None:
    assert people["admin"].post(TOKENS, {"name": "mine"}).status == 200
    assert people["reader"].delete("access/token/name/mine/").status == 404
    assert people["reader"].delete("access/token/name/first/").status == 200
    assert people["reader"].get("access/self/").status == 401
    assert people["admin"].get("access/self/").status == 200


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 400, "name"),
        ({"name": "a b"}, 400, "name"),
        ({"name": "x", "days": 0}, 400, "days"),
        ({"name": "x", "days": 366}, 400, "days"),
        ({"name": "x", "forever": True}, 400, "forever"),
        ({"name": "spare"}, 409, "name"),
    ],
)
def test_what_is_wrong_is_named(people: dict[str, Api], body: Any, status: int, field: str) -> None:
    answer = people["reader"].post(TOKENS, body)
    assert (answer.status, list(answer.body["errors"])) == (status, [field])


def test_nobody_has_tokens_without_end(tokens: dict[str, str]) -> None:
    user = get_user("reader")
    for number in range(98):
        create_token(user, f"t{number}")
    with pytest.raises(Conflict, match="has 100 tokens already"):
        create_token(user, "one-more")


def test_an_administrator_makes_one_for_a_user_who_has_none_that_works(people: dict[str, Api]) -> None:
    admin, path = people["admin"], "access/user/name/reader/token/"
    admin.put("access/user/name/reader/", {"active_flag": "N"})
    refused = admin.post(path, {"name": "again"})
    assert (refused.status, "not active" in refused.body["result"]) == (409, True)
    admin.put("access/user/name/reader/", {"active_flag": "Y"})
    made = admin.post(path, {"name": "again", "days": 3}).body["token"]
    assert as_holder_of(made).get("access/self/").body["user"] == "reader"
    assert admin.post("access/user/name/nosuch/token/", {"name": "x"}).status == 404
