import pytest

from tests.workflows.conftest import FEEDER, NETCONF, NETWORK, VERSIONS, Api
from workflows.models import Version


def numbers(api: Api) -> list[tuple[int, str]]:
    return [(v["nn_wf_ver_id"], v["active_flag"]) for v in api.get(VERSIONS).body]


def test_versions_are_numbered_and_a_number_is_never_used_twice(api: Api) -> None:
    api.post(NETWORK, {})
    assert [api.post(VERSIONS, {}).body for _ in range(3)] == [1, 2, 3]
    assert api.delete(VERSIONS, {"nn_wf_ver_id": 3}).status == 200
    assert api.post(VERSIONS, {}).body == 4


def test_the_guides_body_makes_an_active_version_that_is_pending(api: Api) -> None:
    api.post(NETWORK, {})
    body = {"nn_def_list_info_nn_id": "", "nn_wf_ver_info": "first", "condition": "1", "active_flag": "Y"}
    assert api.post(VERSIONS, body).body == 1
    (record,) = api.get(VERSIONS).body
    assert (record["nn_wf_ver_info"], record["condition"], record["active_flag"]) == ("first", "1", "Y")


def test_at_most_one_version_is_active(api: Api) -> None:
    api.post(NETWORK, {})
    for _ in range(2):
        api.post(VERSIONS, {"active_flag": "Y"})
    assert numbers(api) == [(1, "N"), (2, "Y")]
    assert api.put(VERSIONS, {"nn_wf_ver_id": "1", "active_flag": "Y"}).status == 200
    assert numbers(api) == [(1, "Y"), (2, "N")]
    api.put(VERSIONS, {"nn_wf_ver_id": 1, "active_flag": "N"})
    assert numbers(api) == [(1, "N"), (2, "N")]


def test_put_keeps_what_is_not_named(api: Api) -> None:
    api.post(NETWORK, {})
    api.post(VERSIONS, {"nn_wf_ver_info": "first", "active_flag": "Y"})
    changed = api.put(VERSIONS, {"nn_wf_ver_id": 1, "nn_wf_ver_info": "better"}).body
    assert (changed["nn_wf_ver_info"], changed["active_flag"]) == ("better", "Y")


@pytest.mark.parametrize("verb", ["PUT", "DELETE"])
@pytest.mark.parametrize(("body", "status"), [({}, 400), ({"nn_wf_ver_id": "x"}, 400), ({"nn_wf_ver_id": 9}, 404)])
def test_a_version_must_be_named_and_exist(api: Api, verb: str, body: dict, status: int) -> None:
    api.post(NETWORK, {})
    api.post(VERSIONS, {})
    assert api.call(verb, VERSIONS, body).status == status
    assert Version.objects.count() == 1


def test_copy_from_gives_a_new_version_the_settings_of_another(version: Api) -> None:
    version.put(NETCONF, {"n_hidden": [9, 4]})
    version.post(FEEDER, {"vocab_size": 3})
    assert version.post(VERSIONS, {"copy_from": 1}).body == 2
    copied = version.get(NETCONF.replace("ver/1", "ver/2")).body["parameters"]
    assert copied["n_hidden"] == [9, 4]
    version.put(NETCONF.replace("ver/1", "ver/2"), {"n_hidden": [5]})
    assert version.get(NETCONF).body["parameters"]["n_hidden"] == [9, 4]
    assert version.post(VERSIONS, {"copy_from": 7}).status == 404
