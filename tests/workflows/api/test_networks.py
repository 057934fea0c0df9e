from collections.abc import Callable
from typing import Any

import pytest

from tests.workflows.conftest import NETWORK, STEEL, VERSIONS, Api, place_of
from workflows.models import DataFile, Network, Version

ALL = "common/target/nninfo/nnid/all/"
NEW = "common/target/nninfo/nnid/new/"
GUIDE = {
    "biz_cate": "MES",
    "biz_sub_cate": "M60",
    "nn_title": "test",
    "nn_desc": "test desc",
    "use_flag": "Y",
    "dir": "autoencoder_csv",
    "config": "N",
}


def test_the_guides_network_is_stored_under_the_old_names(api: Api) -> None:
    assert api.post(NETWORK, GUIDE).body == {
        "nn_id": "steel",
        "graph": [{"nn_id": "steel", "versions": [], "active": None}],
    }
    fields = api.get(NETWORK).body["fields"]
    assert [{name: field[name] for name in GUIDE} for field in fields] == [GUIDE]


def test_a_network_that_exists_is_409_and_stays_as_it_is(api: Api) -> None:
    api.post(NETWORK, GUIDE)
    answer = api.post(NETWORK, {"nn_title": "other"})
    assert (answer.status, answer.body["status"]) == (409, "409")
    assert api.get(NETWORK).body["fields"][0]["nn_title"] == "test"


def test_new_draws_names_in_order_and_leaves_out_those_taken(api: Api) -> None:
    assert api.post(NEW, {}).body["nn_id"] == "nn00000001"
    api.post("common/target/nninfo/nnid/nn00000005/", {})
    assert api.post(NEW, {}).body["nn_id"] == "nn00000006"


@pytest.mark.parametrize("verb", ["POST", "PUT", "DELETE"])
def test_the_reserved_name_all_takes_get_only(api: Api, verb: str) -> None:
    api.post(NETWORK, {})
    answer = api.call(verb, ALL, {} if verb != "DELETE" else None)
    assert answer.status == 405
    assert Network.objects.count() == 1


@pytest.mark.parametrize("verb", ["GET", "PUT", "DELETE"])
def test_a_network_that_does_not_exist_is_404(api: Api, verb: str) -> None:
    answer = api.call(verb, NETWORK, {} if verb == "PUT" else None)
    assert (answer.status, answer.body["result"]) == (404, "network steel does not exist")


def test_put_changes_only_the_fields_given(api: Api) -> None:
    api.post(NETWORK, GUIDE)
    changed = api.put(NETWORK, {"nn_title": "better", "use_flag": "N"}).body
    assert {name: changed[name] for name in GUIDE} == GUIDE | {"nn_title": "better", "use_flag": "N"}


def test_deletes_are_exact(api: Api) -> None:
    for name in ("nn1", "nn10", "xnn1"):
        api.post(f"common/target/nninfo/nnid/{name}/", {})
    assert api.delete("common/target/nninfo/nnid/nn1/").status == 200
    assert sorted(Network.objects.values_list("name", flat=True)) == ["nn10", "xnn1"]


def test_the_list_is_filtered_exactly_and_paged(api: Api) -> None:
    for n in range(5):
        api.post(f"common/target/nninfo/nnid/net{n}/", {"biz_cate": "MES" if n else "ERP"})
    answer = api.get(f"{ALL}?biz_cate=MES&page_size=3&page=2")
    assert [field["nn_id"] for field in answer.body["fields"]] == ["net4"]
    assert (answer.body["count"], answer.body["pages"]) == (4, 2)
    assert answer.headers["X-Total-Count"] == "4"
    assert 'rel="prev"' in answer.headers["Link"]
    assert api.get(f"{ALL}?biz_cate=ME").body["fields"] == []
    assert api.get(f"{ALL}?page=9").body["fields"] == []


@pytest.mark.parametrize("query", ["page=0", "page=x", "page_size=100000", "biz=1", "use_flag=maybe"])
def test_a_wrong_query_parameter_is_400_and_named(api: Api, query: str) -> None:
    answer = api.get(f"{ALL}?{query}")
    assert answer.status == 400
    assert query.split("=", maxsplit=1)[0] in answer.body["errors"]


def test_deleting_a_network_takes_rows_and_files_along_once_committed(
    uploaded: Api, stored_folders: Callable[[], set[str]], django_capture_on_commit_callbacks: Any
) -> None:
    folder = place_of(DataFile.objects.get().prefix)
    assert folder.is_dir()
    with django_capture_on_commit_callbacks(execute=False):
        assert uploaded.delete(NETWORK).status == 200
        assert folder.is_dir(), "files go only when the deletion is committed"
    uploaded.post(NETWORK, {})
    with django_capture_on_commit_callbacks(execute=True):
        uploaded.post(VERSIONS, {})
        uploaded.post("wf/target/init/mode/simple/steel/wfver/1/", {"type": "autoencoder_csv"})
        uploaded.upload(
            "wf/state/framedata/src/local/form/raw/prg/source/nnid/steel/ver/1/node/datasrc/", ("a.csv", STEEL)
        )
        second = place_of(DataFile.objects.get().prefix)
        assert uploaded.delete(NETWORK).status == 200
    assert not second.exists()
    assert Version.objects.count() == DataFile.objects.count() == 0
