"""Every path × verb × role. The rules stand here once more, independent of the service's own table: a path or verb that
is added to one only fails."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, get_resolver

from tests.workflows.access.people import make_people, tie
from workflows.models import Run, ScoringJob
from workflows.services import nodes
from workflows.services.rules import current_rule

ROLES = ("anonymous", "other", "reader", "editor", "owner", "admin")
VERBS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

# What each role is answered: ok (as the administrator is), or the status of the refusal.
LEVELS = {
    "public": ("ok", "ok", "ok", "ok", "ok", "ok"),
    "anybody with a token": (401, "ok", "ok", "ok", "ok", "ok"),
    "read": (401, 404, "ok", "ok", "ok", "ok"),
    "change": (401, 404, 403, "ok", "ok", "ok"),
    "own": (401, 404, 403, 403, "ok", "ok"),
    "create": (401, "ok", 403, "ok", "ok", "ok"),
    "administer": (401, 403, 403, 403, 403, "ok"),
    "not offered": (401, 405, 405, 405, 405, 405),
}
PARAMETERS = {"GET": "read", "POST": "change", "PUT": "change"}
NNINFO = "type/common/target/nninfo/nnid/<name:nnid>/"
WF = "type/wf/target/"
VERSION = "nnid/<name:nnid>/ver/<number:ver>/"
WATCHING = "type/service/monitering/type"
RULES = {
    NNINFO: {"GET": "read", "POST": "create", "PUT": "change", "DELETE": "own"},
    f"{NNINFO}version/": {"GET": "read", "POST": "change", "PUT": "change", "DELETE": "change"},
    f"{NNINFO}version/<number:ver>/": {"GET": "read", "PUT": "change", "DELETE": "change"},
    f"{WF}init/mode/simple/<name:nnid>/wfver/<number:ver>/": {"GET": "read", "POST": "change", "DELETE": "change"},
    f"{WF}init/mode/simple/<name:nnid>/wfver/<number:ver>/desc/<name:node>/": {"GET": "read"},
    f"{WF}state/nnid/<name:nnid>/wfver/<number:ver>/": {"GET": "read"},
    f"{WF}node/nnid/<name:nnid>/wfver/<number:ver>/": {"GET": "read"},
    f"{WF}menu/": {"GET": "anybody with a token"},
    f"{WF}graph/": {"GET": "anybody with a token"},
    f"type/wf/state/framedata/src/<source:src>/form/<form:form>/prg/<stage:prg>/{VERSION}node/<name:node>/": {
        **PARAMETERS,
        "DELETE": "change",
    },
    f"type/wf/state/pre/detail/feed/src/frame/net/<detector:net>/{VERSION}node/<name:node>/": PARAMETERS,
    f"type/wf/state/netconf/detail/<detector:net>/{VERSION}node/netconf_node/": PARAMETERS,
    f"type/wf/state/eval/{VERSION}node/eval_node/": PARAMETERS,
    f"type/service/monitering/type/rule/{VERSION}": {"GET": "read"},
    f"type/runmanager/state/train/{VERSION}": {"GET": "read", "POST": "change", "PUT": "change", "DELETE": "change"},
    f"type/runmanager/state/history/{VERSION}": {"GET": "read"},
    "type/service/monitering/type/log/id/<uuid:run>/line/<number:line>/": {"GET": "read"},
    f"type/result/{VERSION}": {"GET": "read"},
    f"type/result/{VERSION}scores/": {"GET": "read"},
    "type/service/state/predict/type/<prediction:kind>/nnid/<name:nnid>/ver/<served:served>/": {"POST": "read"},
    "type/service/state/batch/nnid/<name:nnid>/ver/<served:served>/": {"GET": "read", "POST": "change"},
    "type/service/state/batch/nnid/<name:nnid>/ver/<served:served>/batch/<number:batch>/": {
        "GET": "read",
        "DELETE": "change",
    },
    "type/service/state/batch/nnid/<name:nnid>/ver/<served:served>/batch/<number:batch>/scores/": {"GET": "read"},
    f"{WATCHING}/prediction/{VERSION}": {"GET": "read"},
    f"{WATCHING}/feedback/{VERSION}": {"GET": "read", "POST": "change"},
    f"{WATCHING}/drift/{VERSION}": {"GET": "read"},
    f"{WATCHING}/contribution/{VERSION}": {"GET": "read"},
    "type/access/self/": {"GET": "anybody with a token"},
    "type/access/token/": {"GET": "anybody with a token", "POST": "anybody with a token"},
    "type/access/token/name/<name:token>/": {"DELETE": "anybody with a token"},
    "type/access/share/nnid/<name:nnid>/": {"GET": "read", "POST": "own", "PUT": "own", "DELETE": "own"},
    "type/access/user/": {"GET": "administer", "POST": "administer"},
    "type/access/user/name/<username:user>/": {"GET": "administer", "PUT": "administer"},
    "type/access/user/name/<username:user>/token/": {"POST": "administer"},
    "type/access/audit/": {"GET": "administer"},
    "api/schema/": {"GET": "public"},
    "api/docs/": {"GET": "public"},
}
# What is not the API's: its guard is tested with it.
OTHERS = {"", "admin/", "metrics"}
UNKNOWN_RUN = "00000000-0000-4000-8000-000000000000"


def routes() -> dict[str, str]:
    """Return the path of every route of the service, by its pattern; those of the API without /api/v1/."""
    found = {}
    for pattern in get_resolver().url_patterns:
        place = str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            found[place] = f"/{place}"
        elif place == "api/v1/":
            found |= {str(inner.pattern): f"/api/v1/{inner.pattern}" for inner in pattern.url_patterns}
        else:
            found[place] = f"/{place}"
    return {route: path for route, path in found.items() if route not in OTHERS}


def level_of(route: str, verb: str) -> str:
    if verb == "OPTIONS":
        return "anybody with a token"
    return RULES[route].get("GET" if verb == "HEAD" else verb, "not offered")


def fill(route: str, run: object, nnid: str = "steel") -> str:
    """Return a path of a route, about a network, or a run, that is there."""
    parts = {
        "nnid": nnid, "ver": "1", "net": "autoencoder", "src": "local", "form": "raw", "prg": "source",
        "kind": "anomaly", "served": "1", "run": str(run), "line": "10", "batch": "1", "token": "spare",
        "user": "reader",
        "node": "feed_train" if "/feed/" in route else "datasrc",
    }  # fmt: skip
    return re.sub(r"<\w+:(\w+)>", lambda match: parts[match[1]], routes()[route])


@contextmanager
def undone() -> Iterator[None]:
    """Undo what was done, so that every role finds the same."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def ask(verb: str, path: str, token: str | None) -> Any:
    headers = {"Accept": "text/html" if path == "/api/docs/" else "application/json"}
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    body = json.dumps({}) if verb in ("POST", "PUT", "PATCH") else ""
    with undone():
        return Client(raise_request_exception=False).generic(
            verb, path, body, content_type="application/json" if body else "", headers=headers
        )


@pytest.fixture
def tokens(run: Run, settings: Any) -> dict[str, str | None]:
    """Give the tokens by role, in token mode, with a network that has a version, a workflow and a succeeded run."""
    run.snapshot = {"workflow_type": "autoencoder_csv", "given": {}, "parameters": {}, "data": {}, "seed": 0}
    run.result = {"detector": "autoencoder", "columns": [], "threshold": {"value": 0.2}}
    run.save()
    run.version.workflow_type = ""
    run.version.save()
    nodes.initialise(run.version, "autoencoder_csv")
    rule, source = current_rule(run), {"kind": "upload"}
    ScoringJob.objects.create(version=run.version, run=run, rule=rule, number=1, source=source)
    settings.AUTH_MODE = "token"
    made = make_people()
    tie(run.version.network)
    return {"anonymous": None, **made}


def test_every_route_has_its_rule_here_and_no_rule_is_left_over() -> None:
    assert set(routes()) == set(RULES)


@pytest.mark.parametrize("route", routes())
def test_each_role_is_answered_by_the_rule(route: str, tokens: dict[str, str | None], run: Run) -> None:
    path = fill(route, run.id)
    expected, found = {}, {}
    for verb in VERBS:
        answers = {role: ask(verb, path, tokens[role]) for role in ROLES}
        allowed = answers["admin"].status_code
        assert allowed not in (401, 403)
        assert allowed < 500
        for role, status in zip(ROLES, LEVELS[level_of(route, verb)], strict=True):
            expected[verb, role] = allowed if status == "ok" else status
            found[verb, role] = answers[role].status_code
        if found[verb, "anonymous"] == 401:
            assert answers["anonymous"].headers["WWW-Authenticate"] == "Bearer"
    assert found == expected


@pytest.mark.parametrize("route", [route for route in routes() if re.search("nnid>|run>", route)])
def test_what_cannot_be_seen_is_answered_as_what_does_not_exist(
    route: str, tokens: dict[str, str | None], run: Run
) -> None:
    for verb in VERBS:
        if level_of(route, verb) == "create":
            continue  # that a name is taken is told: names are unique in the whole service
        hidden = ask(verb, fill(route, run.id), tokens["other"])
        missing = ask(verb, fill(route, UNKNOWN_RUN, nnid="nosuch"), tokens["other"])
        assert hidden.status_code == missing.status_code
        said = hidden.content.decode().replace("steel", "nosuch").replace(str(run.id), UNKNOWN_RUN)
        assert said == missing.content.decode()


def test_most_of_what_an_administrator_asks_for_is_there(tokens: dict[str, str | None], run: Run) -> None:
    reads = [route for route in routes() if level_of(route, "GET") != "not offered"]
    answers = {route: ask("GET", fill(route, run.id), tokens["admin"]).status_code for route in reads}
    assert [route for route, status in answers.items() if status != 200] == [
        f"type/result/{VERSION}scores/",
        f"{WATCHING}/drift/{VERSION}",  # the run was made without a training
        f"{WATCHING}/contribution/{VERSION}",
        "type/service/state/batch/nnid/<name:nnid>/ver/<served:served>/batch/<number:batch>/scores/",  # it waits
    ]


def test_outside_the_api_only_the_named_paths_are_there_and_the_admin_site_wants_its_login(
    tokens: dict[str, str | None],
) -> None:
    places = {str(pattern.pattern) for pattern in get_resolver().url_patterns}
    assert places == OTHERS | {"api/v1/", "api/schema/", "api/docs/"}
    assert ask("GET", "/", None).status_code == 200
    for token in tokens.values():
        assert ask("GET", "/admin/", token).status_code == 302
    assert ask("GET", "/metrics", None).status_code in (401, 403)
