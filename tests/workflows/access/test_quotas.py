"""How much one user may have at once; administrators too."""

from typing import Any

import pytest

from tests.workflows.conftest import (
    DATA,
    FEEDER,
    GRAPH_NETCONF,
    INIT,
    NETCONF,
    NETWORK,
    STEEL,
    TRAIN,
    VERSIONS,
    Api,
)  # fmt: skip
from workflows.models import Network, Run

NET = "common/target/nninfo/nnid/{}/"


@pytest.fixture
def limit(settings: Any) -> Any:
    def set_limits(**limits: int) -> None:
        settings.QUOTAS = settings.QUOTAS | limits

    return set_limits


@pytest.mark.parametrize("name", ["other", "admin"])
def test_networks_are_counted_by_owner(people: dict[str, Api], limit: Any, name: str) -> None:
    limit(networks=2)
    people["owner"].post(NET.format("elsewhere"), {})
    assert [people[name].post(NET.format(n), {}).status for n in ("a", "b", "c", "new")] == [200, 200, 429, 429]
    assert Network.objects.count() == 3
    answer = people[name].post(NET.format("c"), {})
    assert answer.body["result"] == (
        f"{name} has 2 networks, and no more are allowed (NNSERVICE_QUOTA_NETWORKS): DELETE one"
    )
    people[name].delete(NET.format("a"))
    assert people[name].post(NET.format("c"), {}).status == 200


def test_in_open_mode_they_count_together(api: Api, limit: Any) -> None:
    limit(networks=1)
    assert [api.post(NET.format(n), {}).status for n in ("a", "b")] == [200, 429]


def test_bytes_are_counted_over_all_networks_of_an_owner_and_a_replaced_file_only_once(
    uploaded: Api, limit: Any
) -> None:
    limit(bytes=2 * len(STEEL))
    assert uploaded.upload(DATA, ("steel.csv", STEEL)).status == 200
    assert uploaded.upload(DATA, ("more.csv", STEEL)).status == 200
    refused = uploaded.upload(DATA, ("most.csv", STEEL))
    assert (refused.status, refused.body["errors"]) == (413, {"file": ["at most 0 bytes more"]})
    assert "NNSERVICE_QUOTA_STORED_MB" in refused.body["result"]
    assert len(uploaded.get(DATA).body) == 2


def test_a_smaller_file_replaces_one_that_is_beyond_a_quota_which_was_lowered(uploaded: Api, limit: Any) -> None:
    limit(bytes=10)
    assert uploaded.upload(DATA, ("steel.csv", STEEL[:-14])).status == 200
    assert uploaded.upload(DATA, ("steel.csv", STEEL)).status == 413


def test_a_body_that_cannot_be_kept_is_not_received(uploaded: Api, limit: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def receive(*_: Any) -> None:
        raise AssertionError("it was written to the disk")

    limit(bytes=2 * len(STEEL))
    with monkeypatch.context() as patch:
        patch.setattr("workflows.api.uploading.UploadHandler.receive_data_chunk", receive)
        assert uploaded.upload(DATA, ("most.csv", STEEL + b"x" * 200_000)).status == 413
    assert uploaded.upload(DATA, ("more.csv", STEEL)).status == 200


def test_rows_are_counted_in_one_node(uploaded: Api, limit: Any, stored_folders: Any) -> None:
    limit(rows=11)
    before = stored_folders()
    refused = uploaded.upload(DATA, ("more.csv", STEEL))
    assert refused.status == 422
    assert refused.body["errors"] == {"file": ["12 rows, but 11 are allowed in one node (NNSERVICE_QUOTA_ROWS)"]}
    assert len(uploaded.get(DATA).body) == 1
    assert stored_folders() == before


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"n_hidden": [10, 101]}, "n_hidden"),
        ({"n_hidden": 101}, "n_hidden"),
        ({"iter": 51}, "iter"),
        ({"epochs": 51}, "iter"),
    ],
)
def test_a_parameter_beyond_its_quota_is_422_by_name(version: Api, limit: Any, given: Any, field: str) -> None:
    limit(n_hidden=100, iter=50)
    answer = version.put(NETCONF, given)
    assert (answer.status, list(answer.body["errors"])) == (422, [field])
    assert "NNSERVICE_QUOTA_" in answer.body["errors"][field][0]
    assert version.put(NETCONF, {"n_hidden": [100, 5], "iter": 50}).status == 200


def test_the_widths_of_graphbean_count_as_layers(graph_version: Api, limit: Any) -> None:
    limit(n_hidden=30)
    for name in ("hidden_channels", "latent_channels", "edge_pred_latent"):
        assert list(graph_version.put(GRAPH_NETCONF, {name: 31}).body["errors"]) == [name]
    assert graph_version.put(GRAPH_NETCONF, {"latent_channels": [30, 31]}).status == 422


def test_a_default_that_is_beyond_the_quota_is_told_when_it_counts(uploaded: Api, limit: Any) -> None:
    limit(n_hidden=100)
    refused = uploaded.post(TRAIN)
    assert (refused.status, list(refused.body["errors"])) == (422, ["n_hidden"])
    assert uploaded.put(NETCONF, {"n_hidden": [20]}).status == 200
    assert uploaded.post(TRAIN).status == 200


def test_open_runs_are_counted_by_who_started_them(people: dict[str, Api], limit: Any) -> None:
    limit(runs=1)
    for name in ("other", "owner"):
        for net in ("x", "y"):
            mine = {"steel": f"{name}{net}"}
            api = people[name]
            assert api.post(NETWORK.replace("steel", mine["steel"]), {}).status == 200
            assert api.post(VERSIONS.replace("steel", mine["steel"]), {}).status == 200
            assert api.post(INIT.replace("steel", mine["steel"]), {"type": "autoencoder_csv"}).status == 200
            assert api.upload(DATA.replace("steel", mine["steel"]), ("a.csv", STEEL)).status == 200
    assert people["other"].post(TRAIN.replace("steel", "otherx")).status == 200
    refused = people["other"].post(TRAIN.replace("steel", "othery"))
    assert refused.status == 429
    assert "NNSERVICE_QUOTA_OPEN_RUNS" in refused.body["result"]
    assert "Retry-After" not in refused.headers
    assert people["owner"].post(TRAIN.replace("steel", "ownerx")).status == 200
    assert people["other"].delete(TRAIN.replace("steel", "otherx")).status == 200
    assert people["other"].post(TRAIN.replace("steel", "othery")).status == 200
    assert Run.objects.get(version__network__name="ownerx").requested_by.username == "owner"


def test_without_quotas_everything_goes(version: Api) -> None:
    assert version.put(NETCONF, {"n_hidden": [5000], "iter": 100_000}).status == 200
    assert version.put(FEEDER, {"vocab_size": 5}).status == 200
