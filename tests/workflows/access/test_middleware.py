"""Open mode serves programs of this machine, and pages of its own, alone."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from tests.workflows.conftest import NETWORK, Api

OWN = "http://testserver"
FORWARDED = {
    "Forwarded": "for=1.2.3.4",
    "Via": "1.1 proxy",
    "X-Forwarded-For": "1.2.3.4",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "models.example",
    "X-Forwarded-Anything": "x",
    "X-Real-IP": "1.2.3.4",
    "CF-Connecting-IP": "1.2.3.4",
}
OTHER_SITES = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://testserver:8001"},
    {"Origin": "https://testserver"},
]
PATHS = ["/api/v1/type/wf/target/menu/", "/api/schema/", "/api/docs/", "/metrics", "/admin/", "/nowhere/"]


@pytest.mark.parametrize("name", FORWARDED)
@pytest.mark.parametrize("path", [*PATHS, "/"])
def test_a_forwarded_request_is_refused_everywhere(db: None, name: str, path: str) -> None:
    answer = Client().get(path, headers={name: FORWARDED[name]})
    assert answer.status_code == 403
    assert "NNSERVICE_AUTH=token" in answer.content.decode()


@pytest.mark.parametrize("headers", OTHER_SITES)
@pytest.mark.parametrize("path", PATHS)
def test_a_page_of_another_site_gets_nothing(db: None, headers: dict[str, str], path: str) -> None:
    assert Client().get(path, headers=headers).status_code == 403


@pytest.mark.parametrize("headers", OTHER_SITES)
def test_a_page_of_another_site_changes_nothing(api: Api, headers: dict[str, str]) -> None:
    answer = api.post(NETWORK, {}, **{name.replace("-", "_"): value for name, value in headers.items()})
    assert answer.status == 403
    assert api.get(NETWORK).status == 404


def test_a_form_of_another_site_changes_nothing_although_it_needs_no_preflight(api: Api) -> None:
    answer = api.call("POST", NETWORK, raw=b"{}", Content_Type="text/plain", Origin="https://evil.example")
    assert answer.status == 403


@pytest.mark.parametrize("headers", [{}, {"Origin": OWN, "Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}])
def test_programs_and_the_services_own_pages_pass(api: Api, headers: dict[str, str]) -> None:
    given = {name.replace("-", "_"): value for name, value in headers.items()}
    assert api.post(NETWORK, {}, **given).status == 200


def test_a_link_from_another_site_leads_to_the_first_page_and_no_further(db: None) -> None:
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert Client().get("/", headers=link).status_code == 200
    assert Client().post("/", headers=link).status_code == 403


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example"])
def test_a_name_that_somebody_points_at_this_machine_is_refused(api: Api, host: str) -> None:
    assert api.get("wf/target/menu/", Host=host).status == 400


def test_another_machine_is_refused(db: None) -> None:
    assert Client(REMOTE_ADDR="10.0.0.7").get("/api/v1/type/wf/target/menu/").status_code == 403


@pytest.mark.parametrize("told", [{"REMOTE_ADDR": ""}, {"SERVER_PROTOCOL": "HTTP/1.0"}])
def test_a_unix_socket_and_what_nginx_speaks_by_default_may_hide_another_machine(
    db: None, told: dict[str, str]
) -> None:
    answer = Client(**told).get("/api/v1/type/wf/target/menu/")
    assert answer.status_code == 403
    assert "NNSERVICE_AUTH=token" in answer.content.decode()


def test_in_token_mode_a_token_is_what_counts(people: dict[str, Api]) -> None:
    headers: Any = {"X_Forwarded_For": "1.2.3.4", "Origin": "https://dashboard.example"}
    assert people["reader"].get("wf/target/menu/", **headers).status == 200
    assert people["anonymous"].get("wf/target/menu/", **headers).status == 401


def test_in_token_mode_a_view_without_a_rule_is_refused(token_mode: Any, people: dict[str, Api]) -> None:
    token_mode.PUBLIC_PATHS = []
    assert Client().get("/").status_code == 403
    assert people["admin"].client.get("/").status_code == 403


@pytest.mark.parametrize("path", ["/", "/admin/login/"])
def test_a_form_outside_the_api_is_refused_before_its_files_are_on_the_disk(
    token_mode: Any, settings: Any, path: str
) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    form = {"file": SimpleUploadedFile("large.bin", b"x" * 2000)}
    assert Client(enforce_csrf_checks=True).post(path, form).status_code == 413
