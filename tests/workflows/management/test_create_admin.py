from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from tests.workflows.access.people import as_holder_of


@pytest.fixture(autouse=True)
def token_mode(settings: Any, db: None) -> None:
    settings.AUTH_MODE = "token"


def printed(*arguments: str, **options: Any) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out, stderr=StringIO(), **options)
    return out.getvalue().strip()


def test_it_makes_an_administrator_and_prints_nothing_but_a_token_that_works() -> None:
    itself = as_holder_of(printed("create_admin", "boss")).get("access/self/").body
    assert (itself["user"], itself["role"]) == ("boss", "admin")
    boss = User.objects.get()
    assert (boss.is_staff, boss.is_superuser, boss.has_usable_password()) == (True, False, False)


def test_a_user_who_is_there_becomes_one_and_keeps_the_password() -> None:
    user = User.objects.create_user("boss", password="a password of hers")
    printed("create_admin", "boss", token_name="one", token_days=1)
    printed("create_admin", "boss", token_name="two")
    user.refresh_from_db()
    assert user.check_password("a password of hers")
    assert list(user.auth_token_set.values_list("name", flat=True)) == ["one", "two"]


def test_a_token_for_a_user_who_lost_theirs() -> None:
    printed("create_admin", "boss")
    assert as_holder_of(printed("create_token", "boss", token_name="again")).get("access/self/").status == 200


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (("create_admin", "a b"), {}, "is no user name"),
        (("create_admin", "boss"), {"token_days": 0}, "valid for 1 to 365 days"),
        (("create_token", "nobody"), {}, "user nobody does not exist"),
        (("create_token", "gone"), {}, "gone is not active"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_done(arguments: tuple[str, ...], options: Any, message: str) -> None:
    User.objects.create_user("gone", is_active=False)
    with pytest.raises(CommandError, match=message):
        printed(*arguments, **options)
    assert not User.objects.filter(auth_token_set__isnull=False).exists()
    assert not User.objects.filter(username="boss").exists(), "nobody became an administrator"
