"""Tokens are remembered for some seconds: what this process changes holds at once, what others change soon."""

import time
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.workflows.access.people import as_holder_of, deactivate
from tests.workflows.conftest import NETWORK, Api
from workflows.access import known_tokens as module
from workflows.access.known_tokens import known_tokens
from workflows.access.roles import Role
from workflows.access.tokens import delete_token
from workflows.access.users import change_user, get_user
from workflows.models import Network, Token

READ = "common/target/nninfo/nnid/all/"


@pytest.fixture
def reader(people: dict[str, Api], settings: Any) -> Api:
    """Give the API as somebody sees it whose token was just looked up."""
    settings.TOKEN_CACHE_SECONDS = 10
    known_tokens.forget()
    assert people["reader"].get(READ).status == 200
    return people["reader"]


def asks_for_tokens(api: Api, verb: str = "GET", path: str = READ) -> bool:
    with CaptureQueriesContext(connection) as queries:
        api.call(verb, path)
    return any("workflows_token" in query["sql"] for query in queries)


def behind_its_back() -> None:
    """Delete the reader's tokens as another process would: this one hears nothing of it."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM workflows_token WHERE user_id = %s", [get_user("reader").pk])


def test_a_token_that_was_just_looked_up_is_not_looked_up_again(reader: Api) -> None:
    assert not asks_for_tokens(reader)


def test_what_changes_something_is_looked_up_each_time(reader: Api) -> None:
    assert asks_for_tokens(reader, "DELETE", NETWORK)
    assert not asks_for_tokens(reader)


def test_a_token_that_another_process_deleted_is_refused_after_the_seconds_it_is_remembered(
    reader: Api, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    behind_its_back()
    assert reader.get(READ).status == 200
    assert reader.delete(NETWORK).status == 401
    later = time.monotonic() + settings.TOKEN_CACHE_SECONDS
    monkeypatch.setattr(module.time, "monotonic", lambda: later)
    assert reader.get(READ).status == 401


def test_a_token_that_is_deleted_here_is_refused_at_once(reader: Api) -> None:
    delete_token(get_user("reader"), "first")
    assert reader.get(READ).status == 401


def test_a_user_who_is_deactivated_here_is_refused_at_once(reader: Api) -> None:
    deactivate("reader")
    assert reader.get(READ).status == 401


def test_a_user_who_is_deactivated_on_the_admin_site_is_refused_at_once(reader: Api) -> None:
    user = get_user("reader")
    user.is_active = False
    user.save()
    assert reader.get(READ).status == 401


@pytest.mark.parametrize("seconds", [0, 10])
def test_a_role_that_is_changed_here_holds_at_once(reader: Api, seconds: int, settings: Any) -> None:
    settings.TOKEN_CACHE_SECONDS = seconds
    change_user(get_user("reader"), role=Role.ADMIN)
    assert reader.get("access/user/").status == 200
    change_user(get_user("reader"), role=Role.READER)
    assert reader.get("access/user/").status == 403


def test_so_do_permissions_of_groups_and_users(reader: Api) -> None:
    view = Permission.objects.get(codename="view_network")
    Group.objects.get(name=Role.READER).permissions.remove(view)
    assert reader.get(READ).status == 403
    get_user("reader").user_permissions.add(view)
    assert reader.get(READ).status == 200


def test_a_superuser_who_is_none_any_more_is_known_as_such_at_once(reader: Api) -> None:
    User.objects.filter(username="reader").update(is_superuser=True)
    known_tokens.forget()
    assert reader.get("access/user/").status == 200
    change_user(get_user("reader"), role=Role.READER)
    assert reader.get("access/user/").status == 403


def test_a_token_expires_while_it_is_remembered(reader: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    expiry = Token.objects.get(user__username="reader", name="first").expiry
    monkeypatch.setattr(module.timezone, "now", lambda: expiry + timezone.timedelta(seconds=1))
    behind_its_back()
    assert reader.get(READ).status == 401


def test_a_share_that_is_taken_back_holds_at_once_whoever_did_it(reader: Api, steel: Network) -> None:
    assert reader.get(NETWORK).status == 200
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM workflows_networkshare")
    assert reader.get(NETWORK).status == 404


def test_what_was_read_before_a_change_is_not_remembered(reader: Api, tokens: dict[str, str]) -> None:
    token = Token.objects.select_related("user").get(user__username="reader", name="first")
    changes = known_tokens.changes()
    known_tokens.forget()
    known_tokens.put(token, changes)
    assert known_tokens.get(tokens["reader"]) is None


@pytest.mark.django_db(transaction=True)
def test_nor_what_others_read_before_a_change_was_committed(people: dict[str, Api], tokens: dict[str, str]) -> None:
    with transaction.atomic():
        change_user(get_user("reader"), role=Role.EDITOR)
        assert people["reader"].get(READ).status == 200
        assert known_tokens.get(tokens["reader"]) is not None
    assert known_tokens.get(tokens["reader"]) is None


def test_zero_seconds_remember_nothing(people: dict[str, Api], settings: Any) -> None:
    settings.TOKEN_CACHE_SECONDS = 0
    assert people["reader"].get(READ).status == 200
    assert asks_for_tokens(people["reader"])


def test_tokens_that_are_none_are_not_remembered(token_mode: Any) -> None:
    stranger = as_holder_of("nns_" + "0" * 64)
    assert [stranger.get(READ).status for _ in range(2)] == [401, 401]
    assert asks_for_tokens(stranger)
