from typing import Any

import pytest

from tests.workflows.conftest import DATA, INIT, NETWORK, STEEL, VERSIONS, Api
from workflows.models import Network

SHARES = "access/share/nnid/steel/"


def test_who_sees_a_network_is_told_to_those_who_see_it(people: dict[str, Api], steel: Network) -> None:
    expected = {
        "nn_id": "steel",
        "owner": "owner",
        "shares": [{"group": "changers", "edit_flag": "Y"}, {"group": "readers", "edit_flag": "N"}],
    }
    for name in ("owner", "editor", "reader", "admin"):
        assert people[name].get(SHARES).body == expected


def test_a_group_sees_once_it_is_shared_with_and_no_longer_than_that(people: dict[str, Api], steel: Network) -> None:
    assert people["other"].get(NETWORK).status == 404
    assert people["owner"].post(SHARES, {"group": "strangers"}).status == 200
    assert people["other"].get(NETWORK).status == 200
    assert people["other"].post(VERSIONS, {}).status == 403
    assert people["owner"].post(SHARES, {"group": "strangers", "edit_flag": "Y"}).status == 200
    assert people["other"].post(VERSIONS, {}).status == 200
    assert people["other"].delete(NETWORK).status == 403
    assert people["owner"].delete(SHARES, {"group": "strangers"}).status == 200
    assert people["other"].get(NETWORK).status == 404


def test_a_reader_does_not_edit_what_is_shared_for_editing(people: dict[str, Api], steel: Network) -> None:
    people["owner"].post(SHARES, {"group": "readers", "edit_flag": "Y"})
    assert people["reader"].put(NETWORK, {}).status == 403


def test_another_owner_takes_over(people: dict[str, Api], steel: Network) -> None:
    assert people["owner"].put(SHARES, {"owner": "other"}).body["owner"] == "other"
    assert people["owner"].get(NETWORK).status == 404
    assert people["other"].delete(NETWORK).status == 200


@pytest.mark.parametrize(
    ("verb", "body", "status"),
    [
        ("POST", {"group": "nosuch"}, 400),
        ("POST", {}, 400),
        ("POST", {"group": "readers", "edit_flag": "maybe"}, 400),
        ("PUT", {"owner": "nosuch"}, 400),
        ("DELETE", {"group": "makers"}, 404),
    ],
)
def test_what_is_wrong_is_refused(
    people: dict[str, Api], steel: Network, verb: str, body: dict[str, str], status: int
) -> None:
    assert people["owner"].call(verb, SHARES, body).status == status


def test_a_network_is_given_within_the_quotas_of_its_new_owner(
    people: dict[str, Api], steel: Network, settings: Any
) -> None:
    settings.QUOTAS = settings.QUOTAS | {"networks": 1}
    assert people["other"].post("common/target/nninfo/nnid/theirs/", {}).status == 200
    refused = people["owner"].put(SHARES, {"owner": "other"})
    assert (refused.status, "NNSERVICE_QUOTA_NETWORKS" in refused.body["result"]) == (429, True)
    assert people["owner"].put(SHARES, {"owner": "owner"}).status == 200, "nothing changes hands"
    settings.QUOTAS = settings.QUOTAS | {"networks": 2}
    assert people["owner"].put(SHARES, {"owner": "other"}).body["owner"] == "other"


def test_the_uploads_of_a_network_count_for_its_new_owner(
    people: dict[str, Api], steel: Network, settings: Any
) -> None:
    for path, body in ((VERSIONS, {}), (INIT, {"type": "autoencoder_csv"})):
        assert people["owner"].post(path, body).status == 200
    assert people["owner"].upload(DATA, ("steel.csv", STEEL)).status == 200
    settings.QUOTAS = settings.QUOTAS | {"bytes": len(STEEL) - 1}
    refused = people["owner"].put(SHARES, {"owner": "other"})
    assert (refused.status, "NNSERVICE_QUOTA_STORED_MB" in refused.body["result"]) == (413, True)
    settings.QUOTAS = settings.QUOTAS | {"bytes": len(STEEL)}
    assert people["owner"].put(SHARES, {"owner": "other"}).status == 200
