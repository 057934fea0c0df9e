from typing import Any

import pytest
from django.contrib.auth.models import Group, User

from tests.workflows.access.people import as_holder_of, bodies
from tests.workflows.conftest import NETWORK, Api
from workflows.access.roles import make_roles
from workflows.models import Network

USERS = "access/user/"


def test_an_administrator_makes_a_user_who_comes_in_with_the_first_token(people: dict[str, Api]) -> None:
    body = {"user": "new.one@example", "role": "editor", "groups": ["changers"], "days": 2}
    made = people["admin"].post(USERS, body).body
    assert {name: made[name] for name in ("user", "role", "groups", "active_flag")} == {
        "user": "new.one@example",
        "role": "editor",
        "groups": ["changers"],
        "active_flag": "Y",
    }
    itself = as_holder_of(made["token"]).get("access/self/").body
    assert (itself["user"], itself["role"], itself["groups"]) == ("new.one@example", "editor", ["changers"])
    assert people["admin"].get(f"{USERS}name/new.one@example/").body["role"] == "editor"
    assert not User.objects.get(username="new.one@example").has_usable_password()


def test_the_list_shows_everybody(people: dict[str, Api]) -> None:
    assert bodies(people["admin"].get(USERS).body, "user") == ["admin", "editor", "other", "owner", "reader"]


def test_a_role_is_one_at_a_time_and_holds_at_once(people: dict[str, Api], steel: Network) -> None:
    assert people["editor"].put(NETWORK, {}).status == 200
    assert people["admin"].put(f"{USERS}name/editor/", {"role": "reader"}).body["role"] == "reader"
    assert people["editor"].put(NETWORK, {}).status == 403


def test_groups_are_replaced_and_new_ones_made(people: dict[str, Api], steel: Network) -> None:
    assert people["admin"].put(f"{USERS}name/reader/", {"groups": ["elsewhere"]}).body["groups"] == ["elsewhere"]
    assert people["reader"].get(NETWORK).status == 404
    assert people["reader"].get("access/self/").body["role"] == "reader"


def test_who_is_deactivated_is_out_and_needs_a_new_token_afterwards(people: dict[str, Api]) -> None:
    assert people["admin"].put(f"{USERS}name/reader/", {"active_flag": "N"}).body["active_flag"] == "N"
    assert people["reader"].get("access/self/").status == 401
    assert people["admin"].put(f"{USERS}name/reader/", {"active_flag": "Y"}).status == 200
    assert people["reader"].get("access/self/").status == 401


@pytest.mark.parametrize("change", [{"role": "editor"}, {"active_flag": "N"}])
def test_the_last_administrator_stays(people: dict[str, Api], change: dict[str, str]) -> None:
    answer = people["admin"].put(f"{USERS}name/admin/", change)
    assert (answer.status, answer.body["result"]) == (409, "admin is the last administrator; make another one first")
    assert people["admin"].put(f"{USERS}name/other/", {"role": "admin"}).status == 200
    assert people["admin"].put(f"{USERS}name/admin/", change).status == 200


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"role": "reader"}, 400, "user"),
        ({"user": "a b", "role": "reader"}, 400, "user"),
        ({"user": "x/y", "role": "reader"}, 400, "user"),
        ({"user": "x"}, 400, "role"),
        ({"user": "x", "role": "king"}, 400, "role"),
        ({"user": "x", "role": "reader", "groups": ["admin"]}, 400, "groups"),
        ({"user": "reader", "role": "reader"}, 409, "user"),
        ({"user": "x", "role": "reader", "password": "p"}, 400, "password"),
    ],
)
def test_what_is_wrong_is_named(people: dict[str, Api], body: Any, status: int, field: str) -> None:
    answer = people["admin"].post(USERS, body)
    assert (answer.status, list(answer.body["errors"])) == (status, [field])
    assert not User.objects.filter(username="x").exists()


def test_roles_are_made_again_without_loss(db: None) -> None:
    editors = Group.objects.get(name="editor")
    before = set(editors.permissions.all())
    editors.permissions.clear()
    make_roles()
    make_roles()
    assert set(editors.permissions.all()) == before
    codes = {permission.codename for permission in before}
    assert {"view_network", "add_network", "change_network", "delete_network"} <= codes
    assert "administer_network" not in codes
