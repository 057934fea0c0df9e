"""A body may come long after its call was allowed; much may have changed by then."""

import json
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import BOUNDARY, encode_multipart

from tests.workflows.access.people import deactivate
from tests.workflows.conftest import DATA, INIT, NETWORK, STEEL, VERSIONS, Api
from workflows.access import permissions
from workflows.access.roles import Role
from workflows.access.shares import give_network, share_network, unshare_network
from workflows.access.users import change_user, get_user
from workflows.models import DataFile, Network, Token
from workflows.services.networks import create_network, delete_network

SHARES = "access/share/nnid/steel/"
TITLE = {"nn_title": "changed"}


class SlowBody(BytesIO):
    """A body during which something happens."""

    def __init__(self, content: bytes, meanwhile: Callable[[], Any]) -> None:
        super().__init__(content)
        self.meanwhile: Callable[[], Any] | None = meanwhile

    def read(self, *arguments: Any) -> bytes:
        self._happen()
        return super().read(*arguments)

    def readline(self, *arguments: Any) -> bytes:
        self._happen()
        return super().readline(*arguments)

    def _happen(self) -> None:
        happen, self.meanwhile = self.meanwhile, None
        if happen is not None:
            happen()


def send(api: Api, verb: str, path: str, body: Any, meanwhile: Callable[[], Any]) -> int:
    """Send a body during which something happens; return the status."""
    as_form = isinstance(body, bytes)
    content = body if as_form else json.dumps(body).encode()
    environment: Any = {
        "wsgi.input": SlowBody(content, meanwhile),
        "CONTENT_LENGTH": str(len(content)),
        "CONTENT_TYPE": f"multipart/form-data; boundary={BOUNDARY}" if as_form else "application/json",
    }
    return api.client.generic(verb, f"/api/v1/type/{path}", **environment).status_code


@pytest.mark.parametrize(
    ("verb", "path", "body"),
    [
        ("POST", SHARES, {"group": "makers", "edit_flag": "Y"}),
        ("PUT", SHARES, {"owner": "owner"}),
        ("DELETE", SHARES, {"group": "strangers"}),
        ("PUT", NETWORK, TITLE),
        ("POST", VERSIONS, {"active_flag": "Y"}),
    ],
)
def test_a_name_that_somebody_else_has_by_then_is_not_ones_own(
    people: dict[str, Api], steel: Network, verb: str, path: str, body: Any
) -> None:
    def another_takes_the_name() -> None:
        delete_network(steel)
        share_network(create_network("steel", owner=get_user("other")), "strangers", may_edit=False)

    assert send(people["owner"], verb, path, body, another_takes_the_name) == 404
    network = Network.objects.get(name="steel")
    assert (network.owner, network.title, network.versions.count()) == (get_user("other"), "", 0)
    assert [share.group.name for share in network.shares.all()] == ["strangers"]


@pytest.mark.parametrize(
    ("who", "meanwhile", "status"),
    [
        ("editor", lambda network: unshare_network(network, "changers"), 404),
        ("owner", lambda network: give_network(network, "other"), 404),
        ("editor", lambda _: change_user(get_user("editor"), role=Role.READER), 403),
        ("editor", lambda _: deactivate("editor"), 401),
        ("editor", lambda _: Token.objects.filter(user__username="editor").delete(), 401),
        ("editor", lambda _: None, 200),
    ],
    ids=["share", "owner", "role", "user", "token", "nothing"],
)
def test_a_right_that_was_withdrawn_while_the_body_came_counts_no_more(
    people: dict[str, Api], steel: Network, monkeypatch: pytest.MonkeyPatch, who: str, meanwhile: Any, status: int
) -> None:
    monkeypatch.setattr(permissions, "PATIENCE", 0.0)
    assert send(people[who], "PUT", NETWORK, TITLE, lambda: meanwhile(steel)) == status
    assert Network.objects.get().title == ("changed" if status == 200 else "")


def test_an_upload_is_no_exception(people: dict[str, Api], steel: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    for path, body in ((VERSIONS, {}), (INIT, {"type": "autoencoder_csv"})):
        assert people["owner"].post(path, body).status == 200
    monkeypatch.setattr(permissions, "PATIENCE", 0.0)
    form = encode_multipart(BOUNDARY, {"file": SimpleUploadedFile("steel.csv", STEEL)})
    assert send(people["owner"], "POST", DATA, form, lambda: give_network(steel, "other")) == 404
    assert not DataFile.objects.exists()
    assert send(people["other"], "POST", DATA, form, lambda: None) == 200
