"""The audit log: one row for each request that changed something, or tried to."""

import json
import logging
from collections.abc import Mapping
from typing import Any

from django.contrib.auth import get_user
from django.contrib.auth.models import User
from django.db import DatabaseError, InterfaceError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.request import Request

from workflows.access.principal import is_open, token_of
from workflows.access.roles import may_enter_admin_site
from workflows.access.rules import changes, rule_of
from workflows.access.throttles import address_of
from workflows.models import AuditEntry, Token

logger = logging.getLogger(__name__)

SECRET_WORDS = ("password", "token", "secret", "credential", "authorization")
LEFT_OUT = "(left out)"
LONGEST = 500
"""Characters of one text, and members of one list or object, that are kept."""
MOST = 20_000
"""Characters of JSON that are kept of one body."""
UNAUTHORIZED, TOO_MANY = 401, 429
ADMIN_SITE, LOGIN = "/admin/", "/admin/login"
SHOWN_AGAIN = 200


def list_entries(**filters: str) -> QuerySet[AuditEntry]:
    """Return the entries that match every filter exactly, the newest first."""
    return AuditEntry.objects.filter(**filters).order_by("-id")


def note(request: HttpRequest, response: HttpResponseBase) -> None:
    """Write down a request that was made to change something, with its answer's status; a failure's, 500, too.

    Left out are requests of strangers but for logins that failed, and those that were throttled: they could fill the
    disk. A database that does not take the row is logged; the request was answered already.
    """
    if not _is_made_to_change(request):
        return
    if response.status_code == UNAUTHORIZED or (response.status_code == TOO_MANY and "Retry-After" in response.headers):
        return
    user, token = _who(request)
    tried = _failed_login(request, response) if user is None else None
    if user is None and tried is None and (not is_open() or _is_admin_site(request)):
        return
    entry = AuditEntry(
        user=user,
        username=user.get_username() if user else "",
        token=token.name if token else "",
        address=address_of(request)[:45],
        method=str(request.method),
        path=request.path[:LONGEST],
        network=_network(request, response),
        status=response.status_code if tried is None else UNAUTHORIZED,
        changes=_changes(response) if tried is None else {"login failed": tried},
    )
    try:
        entry.save(force_insert=True)
    except (DatabaseError, InterfaceError):
        logger.exception("the audit log lacks %s %s: %s", request.method, request.path, response.status_code)


def _is_made_to_change(request: HttpRequest) -> bool:
    """Tell it by the view that the path leads to: an error may have been answered by another one."""
    method = str(request.method)
    if _is_admin_site(request):
        return method not in ("GET", "HEAD", "OPTIONS")
    view = getattr(getattr(request.resolver_match, "func", None), "cls", None)
    return isinstance(view, type) and changes(rule_of(view, method), method)


def _who(request: HttpRequest) -> tuple[User | None, Token | None]:
    """Return the user with the token; on the admin site whoever logged in there."""
    token = token_of(request)
    if token is not None:
        return token.user, token
    user = get_user(request) if _is_admin_site(request) and hasattr(request, "session") else None
    return (user if isinstance(user, User) and may_enter_admin_site(user) else None), None


def _failed_login(request: HttpRequest, response: HttpResponseBase) -> str | None:
    """Return the user name of a login to the admin site that failed, for which the form is shown again."""
    failed = request.path_info.startswith(LOGIN) and response.status_code == SHOWN_AGAIN
    return str(request.POST.get("username", ""))[:150] if failed else None


def _is_admin_site(request: HttpRequest) -> bool:
    return request.path_info.startswith(ADMIN_SITE)


def _network(request: HttpRequest, response: HttpResponseBase) -> str:
    """Return the name in the path; for `new` the one that was drawn."""
    match = request.resolver_match
    name = str(match.kwargs.get("nnid", "")) if match else ""
    answer = getattr(response, "data", None)
    return str(answer.get("nn_id", name)) if name == "new" and isinstance(answer, Mapping) else name


def _changes(response: HttpResponseBase) -> dict[str, Any]:
    """Return what was sent to the API, if it was read: a body that came too late for a refusal is not read for this."""
    asked: Request | None = (getattr(response, "renderer_context", None) or {}).get("request")
    sent = getattr(asked, "_data", None)  # `data` would read it now
    if asked is None or not isinstance(sent, Mapping):
        return {}
    files = {field: [file.name for file in asked.FILES.getlist(field)] for field in asked.FILES}
    fields = {name: value for name, value in sent.items() if name not in files}
    return within_budget(without_secrets(fields | files))


def within_budget(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a body as they are kept: what would make the row large is told by its size."""
    kept: dict[str, Any] = {}
    left = MOST
    for name, value in fields.items():
        size = len(json.dumps(value))
        if size > left:
            value = f"({size:,} characters left out)"  # noqa: PLW2901 - what is kept instead
            size = len(value)
        left -= len(name) + size
        if left < 0:
            kept["…"] = f"{len(fields) - len(kept):,} more fields"
            break
        kept[name] = value
    return kept


def without_secrets(value: Any, depth: int = 0) -> Any:
    """Return a value as it is kept: secrets by name left out, what is long cut."""
    if isinstance(value, Mapping):
        if depth > 4:
            return "{…}"
        return {
            str(name)[:100]: LEFT_OUT if _is_secret(str(name)) else without_secrets(part, depth + 1)
            for name, part in list(value.items())[:LONGEST]
        }
    if isinstance(value, list):
        return [without_secrets(part, depth + 1) for part in value[:LONGEST]] if depth <= 4 else "[…]"
    if isinstance(value, str):
        return value if len(value) <= LONGEST else value[:LONGEST] + "…"
    return value


def _is_secret(name: str) -> bool:
    return any(word in name.lower() for word in SECRET_WORDS)
