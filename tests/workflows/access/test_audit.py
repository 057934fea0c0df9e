"""Who changed what."""

from typing import Any

import pytest
from django.db import connection

from tests.workflows.access.people import bodies
from tests.workflows.conftest import DATA, INIT, NETWORK, PREDICT, STEEL, TRAIN, VERSIONS, Api
from workflows.access.audit import without_secrets
from workflows.models import AuditEntry, Network

AUDIT = "access/audit/"


def test_each_change_is_one_row_with_all_that_is_asked_of_it(people: dict[str, Api], steel: Network) -> None:
    people["editor"].put(NETWORK, {"nn_title": "better"})
    (row,) = people["admin"].get(AUDIT).body
    assert row.pop("created")
    assert row == {
        "user": "editor",
        "token": "first",
        "address": "127.0.0.1",
        "method": "PUT",
        "path": f"/api/v1/type/{NETWORK}",
        "nn_id": "steel",
        "status": 200,
        "changes": {"nn_title": "better"},
    }


def test_refused_changes_are_rows_too_but_not_those_of_strangers(people: dict[str, Api], steel: Network) -> None:
    for name in ("anonymous", "other", "reader", "editor"):
        people[name].delete(NETWORK)
    rows = people["admin"].get(AUDIT).body
    assert [(row["user"], row["status"]) for row in rows] == [("editor", 403), ("reader", 403), ("other", 404)]


def test_reads_and_predictions_are_no_rows(people: dict[str, Api], steel: Network) -> None:
    people["reader"].get(NETWORK)
    people["reader"].post(PREDICT, {"input_data": {}})
    assert AuditEntry.objects.count() == 0


def test_the_newest_comes_first_by_pages_and_filters(people: dict[str, Api], steel: Network) -> None:
    for n in range(3):
        people["other"].post(f"common/target/nninfo/nnid/net{n}/", {})
    people["owner"].post(VERSIONS, {})
    admin = people["admin"]
    assert bodies(admin.get(AUDIT).body, "nn_id") == ["steel", "net2", "net1", "net0"]
    answer = admin.get(f"{AUDIT}?user=other&page=2&page_size=2")
    assert (bodies(answer.body, "nn_id"), answer.headers["X-Total-Count"]) == (["net0"], "3")
    assert bodies(admin.get(f"{AUDIT}?nn_id=steel").body, "user") == ["owner"]
    assert admin.get(f"{AUDIT}?nn_id=stee").body == []
    assert admin.get(f"{AUDIT}?path=x").status == 400


def test_an_upload_is_told_by_its_files(people: dict[str, Api], steel: Network) -> None:
    people["owner"].post(VERSIONS, {})
    people["owner"].post(INIT, {"type": "autoencoder_csv"})
    assert people["owner"].upload(DATA, ("steel.csv", STEEL)).status == 200
    assert people["admin"].get(AUDIT).body[0]["changes"] == {"file0": ["steel.csv"]}


def test_a_drawn_name_stands_in_the_row(people: dict[str, Api]) -> None:
    people["owner"].post("common/target/nninfo/nnid/new/", {})
    assert people["admin"].get(AUDIT).body[0]["nn_id"] == "nn00000001"


def test_no_token_gets_into_the_log(people: dict[str, Api]) -> None:
    made = people["admin"].post("access/user/", {"user": "x", "role": "reader"}).body["token"]
    people["admin"].post("access/token/", {"name": "y", "api_token": made})
    assert made not in str(list(AuditEntry.objects.values()))
    assert AuditEntry.objects.first().changes == {"name": "y", "api_token": "(left out)"}


def test_secrets_are_left_out_at_any_depth_and_long_values_cut() -> None:
    given: Any = {"a": [{"Password": "p", "n": 1}], "client_secret": {"x": 1}, "text": "x" * 1000, "rows": [0] * 1000}
    kept = without_secrets(given)
    assert kept["a"] == [{"Password": "(left out)", "n": 1}]
    assert kept["client_secret"] == "(left out)"
    assert (len(kept["text"]), len(kept["rows"])) == (501, 500)
    deep: Any = {}
    for _ in range(50):
        deep = {"d": deep, "l": [deep]}
    assert len(str(without_secrets(deep))) < 10_000


def test_in_open_mode_the_change_is_nobodys(api: Api) -> None:
    api.post(NETWORK, {"nn_title": "x"})
    (row,) = api.get(AUDIT).body
    assert (row["user"], row["token"], row["nn_id"], row["status"]) == ("", "", "steel", 200)


def test_the_row_outlives_the_network_and_the_user(people: dict[str, Api], steel: Network) -> None:
    assert people["owner"].delete(NETWORK).status == 200
    assert people["admin"].put("access/user/name/owner/", {"active_flag": "N"}).status == 200
    assert [(row["user"], row["nn_id"]) for row in people["admin"].get(f"{AUDIT}?user=owner").body] == [
        ("owner", "steel")
    ]


@pytest.mark.django_db(transaction=True)
def test_an_answer_stands_when_the_log_cannot_be_written(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    table = AuditEntry._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO gone")
    try:
        assert api.post(NETWORK, {}).status == 200
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER TABLE gone RENAME TO {table}")
    assert "the audit log lacks POST" in caplog.text
    assert api.put(TRAIN, {"state": "stop"}).status == 404
