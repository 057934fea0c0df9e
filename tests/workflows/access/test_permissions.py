"""Deny by default, whoever asks."""

from typing import Any

import pytest
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from tests.workflows.access.people import PEOPLE, as_holder_of, nobody
from tests.workflows.conftest import NETWORK, Api
from workflows.models import Network


class NobodyThoughtOfThis(APIView):
    """A view that is not in the table of rules."""

    def get(self, request: Any) -> None:
        raise AssertionError("it was let through")


@pytest.mark.parametrize("mode", ["open", "token"])
@pytest.mark.parametrize("name", [*PEOPLE, None])
def test_a_view_without_a_rule_is_refused_to_everybody(tokens: Any, settings: Any, mode: str, name: str | None) -> None:
    settings.AUTH_MODE = mode
    headers = {"Authorization": f"Bearer {tokens[name]}"} if name else {}
    answer = NobodyThoughtOfThis.as_view()(APIRequestFactory().get("/", headers=headers))
    assert answer.status_code in (401, 403)


def test_a_user_without_a_role_sees_nothing_but_themselves(steel: Network) -> None:
    api = as_holder_of(nobody())
    assert api.get("access/self/").body["permissions"] == []
    assert api.get(NETWORK).status == 404
    assert api.get("common/target/nninfo/nnid/all/").status == 403
    assert api.get("wf/target/menu/").status == 403


def test_a_body_is_not_read_before_the_caller_is_known(people: dict[str, Api], steel: Network) -> None:
    for name, status in (("anonymous", 401), ("other", 404), ("reader", 403), ("editor", 400)):
        assert people[name].call("PUT", NETWORK, raw=b"{broken").status == status


def test_the_list_holds_what_each_may_see(people: dict[str, Api], steel: Network) -> None:
    people["other"].post("common/target/nninfo/nnid/theirs/", {})
    expected = {
        "owner": ["steel"],
        "editor": ["steel"],
        "reader": ["steel"],
        "other": ["theirs"],
        "admin": ["steel", "theirs"],
    }
    for name, seen in expected.items():
        answer = people[name].get("common/target/nninfo/nnid/all/")
        assert [field["nn_id"] for field in answer.body["fields"]] == seen
        assert answer.body["count"] == len(seen)
        assert answer.headers["X-Total-Count"] == str(len(seen))


def test_who_makes_a_network_owns_it(people: dict[str, Api]) -> None:
    assert people["other"].post("common/target/nninfo/nnid/new/", {}).body["nn_id"] == "nn00000001"
    assert people["other"].get("access/share/nnid/nn00000001/").body["owner"] == "other"
    assert people["owner"].get("common/target/nninfo/nnid/nn00000001/").status == 404


def test_an_owner_who_became_a_reader_may_still_read(people: dict[str, Api], steel: Network) -> None:
    assert people["admin"].put("access/user/name/owner/", {"role": "reader"}).status == 200
    assert people["owner"].get(NETWORK).status == 200
    assert people["owner"].put(NETWORK, {}).status == 403
    assert people["owner"].delete(NETWORK).status == 403


def test_in_open_mode_everybody_may_do_everything(api: Api) -> None:
    assert api.post(NETWORK, {}).status == 200
    assert Network.objects.get().owner is None
    assert api.get("access/self/").body["mode"] == "open"
    assert api.delete(NETWORK).status == 200
    for path in ("access/token/", "access/user/"):
        answer = api.get(path)
        assert answer.status == 409
        assert "NNSERVICE_AUTH=token" in answer.body["result"]
