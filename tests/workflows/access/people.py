"""The people of the tests of token mode, and what they are to network steel."""

from typing import Any

from django.contrib.auth.models import Group
from django.test import Client

from tests.workflows.conftest import Api
from workflows.access.roles import Role
from workflows.access.shares import share_network
from workflows.access.tokens import create_token
from workflows.access.users import change_user, create_user, get_user
from workflows.models import Network

# Name: role, groups.
PEOPLE = {
    "owner": (Role.EDITOR, ["makers"]),
    "editor": (Role.EDITOR, ["changers"]),
    "reader": (Role.READER, ["readers"]),
    "other": (Role.EDITOR, ["strangers"]),
    "admin": (Role.ADMIN, []),
}


def as_holder_of(token: str | None) -> Api:
    """Return the API as the holder of a token sees it; as a stranger sees it without one."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return Api(Client(raise_request_exception=False, headers=headers))


def make_people() -> dict[str, str]:
    """Make the users; return their tokens by name."""
    tokens = {name: create_user(name, role, groups)[1] for name, (role, groups) in PEOPLE.items()}
    for name in tokens:
        create_token(get_user(name), "spare")
    return tokens


def tie(network: Network) -> None:
    """Give a network to `owner`, and share it with the groups of `reader` and, for editing, of `editor`."""
    Network.objects.filter(pk=network.pk).update(owner=get_user("owner"))
    share_network(network, "readers", may_edit=False)
    share_network(network, "changers", may_edit=True)


def nobody() -> str:
    """Return the token of a user who has no role and is in no group."""
    _user, token = create_user("nobody", Role.READER)
    user = get_user("nobody")
    user.groups.remove(Group.objects.get(name=Role.READER))
    return token


def deactivate(name: str) -> None:
    change_user(get_user(name), active=False)


def bodies(rows: list[Any], field: str) -> list[Any]:
    return [row[field] for row in rows]
