"""Who changed what."""

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from tests.workflows.access.people import bodies
from tests.workflows.conftest import DATA, INIT, NETWORK, PREDICT, STEEL, TRAIN, VERSIONS, Api
from workflows.access.audit import without_secrets
from workflows.access.users import make_admin
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


def test_no_body_makes_a_row_large(people: dict[str, Api]) -> None:
    text = "x" * 500
    bodies = [
        {"name": "y", "lists": [[text] * 80] * 50},
        {f"{n}{text}"[:100]: text for n in range(500)},
        {"name": "ü" * 400, "deep": {"a": {"b": [{"c": [text] * 500}] * 10}}},
    ]
    for body in bodies:
        assert people["reader"].post("access/token/", body).status == 400
    first, second, third = AuditEntry.objects.order_by("id").values_list("changes", flat=True)
    assert (first["name"], first["lists"]) == ("y", "(2,016,100 characters left out)")
    assert second["…"].endswith(" more fields")
    assert set(third) == {"name", "deep"}
    assert all(len(json.dumps(kept)) < 25_000 for kept in (first, second, third))


def test_what_ends_in_an_error_is_a_row_with_its_user(
    people: dict[str, Api], steel: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("after the change was committed")

    monkeypatch.setattr("workflows.services.networks.update_network", fail)
    for accept in ("application/json", "text/html"):
        assert people["editor"].put(NETWORK, {"nn_title": "x"}, Accept=accept).status == 500
    assert set(AuditEntry.objects.values_list("username", "token", "network", "status")) == {
        ("editor", "first", "steel", 500)
    }


def test_a_stranger_makes_no_row_by_asking_for_what_is_not_offered(people: dict[str, Api], steel: Network) -> None:
    assert people["anonymous"].put(NETWORK, {}, Accept="image/png").status == 406
    assert AuditEntry.objects.count() == 0


def test_what_is_done_on_the_admin_site_is_a_row_without_its_form(people: dict[str, Api], steel: Network) -> None:
    make_admin("boss")
    client = Client()
    client.force_login(User.objects.get(username="boss"))
    client.get("/admin/workflows/network/")
    assert client.post(f"/admin/workflows/network/{steel.pk}/delete/", {"post": "yes"}).status_code == 302
    (row,) = people["admin"].get(AUDIT).body
    assert (row["user"], row["method"], row["status"], row["changes"]) == ("boss", "POST", 302, {})
    assert row["path"] == f"/admin/workflows/network/{steel.pk}/delete/"


def test_what_nobody_may_do_on_the_admin_site_is_none(people: dict[str, Api], steel: Network) -> None:
    User.objects.filter(username="editor").update(is_staff=True)
    staff = Client()
    staff.force_login(User.objects.get(username="editor"))
    for client in (Client(), staff):
        client.post(f"/admin/workflows/network/{steel.pk}/delete/", {"post": "yes"})
    assert AuditEntry.objects.count() == 0


def test_a_login_to_the_admin_site_that_failed_is_nobodys_row_with_the_name_and_the_address(
    people: dict[str, Api],
) -> None:
    Client(REMOTE_ADDR="10.0.0.7").post("/admin/login/", {"username": "boss", "password": "guess"})
    (row,) = people["admin"].get(AUDIT).body
    assert (row["user"], row["status"], row["address"]) == ("", 401, "10.0.0.7")
    assert row["changes"] == {"login failed": "boss"}


def test_in_open_mode_the_change_is_nobodys(api: Api) -> None:
    api.post(NETWORK, {"nn_title": "x"})
    (row,) = api.get(AUDIT).body
    assert (row["user"], row["token"], row["nn_id"], row["status"]) == ("", "", "steel", 200)


def test_the_row_outlives_the_network_and_the_user(people: dict[str, Api], steel: Network) -> None:
    assert people["owner"].delete(NETWORK).status == 200
    User.objects.get(username="owner").delete()
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
