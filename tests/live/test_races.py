"""Requests that meet: nothing is lost, nothing is broken for good, no answer is a failure of the service."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import combinations_with_replacement
from typing import Any

import pytest
import requests

from tests.live.guide import Client

NETWORK = "common/target/nninfo/nnid/race/"
VERSIONS = f"{NETWORK}version/"
INIT = "wf/target/init/mode/simple/race/wfver/1/"
NETCONF = "wf/state/netconf/detail/autoencoder/nnid/race/ver/1/node/netconf_node/"
DATA = "wf/state/framedata/src/local/form/raw/prg/source/nnid/race/ver/1/node/datasrc/"
TRAIN = "runmanager/state/train/nnid/race/ver/1/"
CSV = "A,N\n" + "".join(f"a{n % 3},{n % 7}.5\n" for n in range(50))

Call = Callable[[Client], requests.Response]
WRITES: dict[str, Call] = {
    "change network": lambda c: c.call("PUT", NETWORK, json={"nn_title": "x"}),
    "delete network": lambda c: c.call("DELETE", NETWORK),
    "create network": lambda c: c.call("POST", NETWORK, json={}),
    "create version": lambda c: c.call("POST", VERSIONS, json={"active_flag": "Y"}),
    "change version": lambda c: c.call("PUT", VERSIONS, json={"nn_wf_ver_id": 1, "active_flag": "Y"}),
    "delete version": lambda c: c.call("DELETE", VERSIONS, json={"nn_wf_ver_id": 1}),
    "create workflow": lambda c: c.call("POST", INIT, json={"type": "autoencoder_csv"}),
    "delete workflow": lambda c: c.call("DELETE", INIT),
    "set parameters": lambda c: c.call("PUT", NETCONF, json={"iter": 3}),
    "upload": lambda c: c.call("POST", DATA, files={"f": ("rows.csv", CSV)}),
    "delete data": lambda c: c.call("DELETE", DATA),
}


@pytest.fixture
def client(service: Any) -> Client:
    client = Client(service.url)
    begin_anew(client)
    return client


def begin_anew(client: Client) -> None:
    client.call("DELETE", TRAIN)
    client.call("DELETE", NETWORK)
    client.post(NETWORK, json={})
    assert client.post(VERSIONS, json={}) == 1
    client.post(INIT, json={"type": "autoencoder_csv"})


def at_once(client: Client, *calls: Call) -> list[requests.Response]:
    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(lambda call: call(client), calls))


def test_whatever_two_writes_meet_neither_fails_and_the_service_goes_on(client: Client) -> None:
    for (name, first), (other, second) in combinations_with_replacement(WRITES.items(), 2):
        for response in at_once(client, first, second, first, second):
            assert response.status_code < 500, (name, other, response.text)
        begin_anew(client)


def test_versions_made_while_the_network_changes_have_numbers_of_their_own(client: Client) -> None:
    change, create = WRITES["change network"], WRITES["create version"]
    answers = at_once(client, *[change, create] * 12)
    numbers = [answer.json() for answer in answers if isinstance(answer.json(), int)]
    assert sorted(numbers) == list(range(2, 14))
    assert client.post(VERSIONS, json={}) == 14


def test_a_version_that_changes_can_still_be_trained(client: Client) -> None:
    client.post(DATA, files={"f": ("rows.csv", CSV)})

    def change(c: Client) -> requests.Response:
        return c.call("PUT", VERSIONS, json={"nn_wf_ver_id": 1, "nn_wf_ver_info": "y"})

    for number in (1, 2):
        answers = at_once(client, *[change] * 8, lambda c: c.call("POST", TRAIN), *[change] * 4)
        assert {answer.status_code for answer in answers} == {200}
        client.call("DELETE", TRAIN)
        run = client.wait("race", "cancelled", "succeeded", seconds=60)
        assert run["nn_batch_ver_id"] == number


def test_parameters_set_at_the_same_time_are_all_kept(client: Client) -> None:
    values = {
        "iter": 7, "batch_size": 9, "learning_rate": 0.25, "examples_to_show": 3, "dropout": 0.5, "trim": 0.125,
    }  # fmt: skip
    at_once(client, *[lambda c, v={name: value}: c.call("PUT", NETCONF, json=v) for name, value in values.items()])
    assert values.items() <= client.get(NETCONF)["parameters"].items()


def test_a_network_deleted_while_it_changes_stays_deleted(client: Client) -> None:
    answers = at_once(client, *[WRITES["change network"]] * 6, *[WRITES["delete network"]] * 6)
    assert [answer.status_code for answer in answers[6:]].count(200) == 1
    assert client.call("GET", NETWORK).status_code == 404
