import json

import pytest

from tests.workflows.conftest import NETWORK, Api

MENU = "wf/target/menu/"


@pytest.mark.parametrize("accept", [None, "*/*"])
def test_a_client_without_preference_gets_a_json_string_that_holds_json(api: Api, accept: str | None) -> None:
    headers = {} if accept is None else {"Accept": accept}
    response = api.client.get(f"/api/v1/type/{MENU}", headers=headers)
    assert response.headers["Content-Type"] == "application/vnd.nninfo+json"
    assert json.loads(response.json())[0]["type"] == "autoencoder_csv"


@pytest.mark.parametrize(("query", "accept"), [("", "application/json"), ("?format=json", "*/*")])
def test_plain_json_is_given_to_who_asks_for_it(api: Api, query: str, accept: str) -> None:
    response = api.client.get(f"/api/v1/type/{MENU}{query}", headers={"Accept": accept})
    assert response.headers["Content-Type"] == "application/json"
    assert response.json()[0]["type"] == "autoencoder_csv"


def test_a_browser_gets_the_browsable_api(api: Api) -> None:
    response = api.client.get(f"/api/v1/type/{MENU}", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert response.headers["Content-Type"].startswith("text/html")
    assert b"autoencoder_csv" in response.content


@pytest.mark.parametrize(("query", "accept"), [("", "image/png"), ("?format=yaml", "*/*")])
def test_a_representation_that_is_not_offered_is_406(api: Api, query: str, accept: str) -> None:
    response = api.client.get(f"/api/v1/type/{MENU}{query}", headers={"Accept": accept})
    assert response.status_code == 406
    assert "application/json" in json.loads(response.json())["result"]


def test_every_answer_varies_by_accept(api: Api) -> None:
    for path in (MENU, "no/such/path/", NETWORK):
        assert "Accept" in api.get(path).headers["Vary"]


def test_a_path_that_matches_no_route_answers_in_both_representations(api: Api) -> None:
    plain = api.get("no/such/path/")
    assert (plain.status, plain.body["status"]) == (404, "404")
    assert "/api/docs/" in plain.body["result"]
    old = api.client.get("/api/v1/type/no/such/path/")
    assert json.loads(old.json())["status"] == "404"


@pytest.mark.parametrize("verb", ["GET", "POST", "PUT", "DELETE"])
def test_paths_work_without_the_final_slash_for_every_verb(api: Api, verb: str) -> None:
    api.post(NETWORK, {})
    path = NETWORK if verb != "POST" else NETWORK.replace("steel", "other")
    answer = api.call(verb, path.rstrip("/"), {} if verb in ("POST", "PUT") else None)
    assert answer.status == 200


def test_a_verb_that_is_not_taken_is_405_and_names_those_that_are(api: Api) -> None:
    answer = api.delete(MENU)
    assert (answer.status, answer.body["status"]) == (405, "405")
    assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize(
    "path",
    [
        "common/target/nninfo/nnid/a%20b/",
        "common/target/nninfo/nnid/../all/",
        f"common/target/nninfo/nnid/{'x' * 51}/",
        "common/target/nninfo/nnid/n%C3%A4me/",
        "common/target/nninfo/nnid/steel/version/-1/",
        "common/target/nninfo/nnid/steel/version/1e3/",
        "common/target/nninfo/nnid/steel/version/1234567890/",
        "wf/state/framedata/src/s3/form/raw/prg/source/nnid/steel/ver/1/node/datasrc/",
        "service/state/predict/type/cnn/nnid/steel/ver/1/",
        "service/monitering/type/log/id/not-a-uuid/line/10/",
    ],
)
def test_url_parts_are_matched_strictly(version: Api, path: str) -> None:
    assert version.get(path).status == 404


def test_a_host_that_is_not_allowed_is_refused_in_the_same_shape(api: Api) -> None:
    answer = api.get(MENU, Host="evil.example")
    assert (answer.status, answer.body["status"]) == (400, "400")
