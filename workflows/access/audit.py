"""The audit log: one row for each request that changed something, or tried to."""

import logging
from collections.abc import Mapping
from typing import Any

from django.db import DatabaseError, InterfaceError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.request import Request

from workflows.access.principal import user_of
from workflows.access.rules import changes, rule_of
from workflows.access.throttles import address_of
from workflows.models import AuditEntry

logger = logging.getLogger(__name__)

SECRET_WORDS = ("password", "token", "secret", "credential", "authorization")
LEFT_OUT = "(left out)"
LONGEST = 500
"""Characters of one text, and members of one list or object, that are kept."""
UNAUTHORIZED, TOO_MANY = 401, 429


def list_entries(**filters: str) -> QuerySet[AuditEntry]:
    """Return the entries that match every filter exactly, the newest first."""
    return AuditEntry.objects.filter(**filters).order_by("-id")


def note(request: HttpRequest, response: HttpResponseBase) -> None:
    """Write down a request that was made to change something, with its answer's status.

    Left out are requests without a valid token, and those that were throttled: both could fill the disk. A database
    that does not take the row is logged; the request was answered already.
    """
    context = getattr(response, "renderer_context", None) or {}
    view, asked = context.get("view"), context.get("request")
    method = str(request.method)
    if view is None or asked is None or not changes(rule_of(view, method), method):
        return
    if response.status_code == UNAUTHORIZED or (response.status_code == TOO_MANY and "Retry-After" in response.headers):
        return
    user = user_of(request)
    entry = AuditEntry(
        user=user,
        username=user.get_username() if user else "",
        token=getattr(getattr(request, "auth", None), "name", ""),
        address=address_of(request)[:45],
        method=method,
        path=request.path[:LONGEST],
        network=_network(view, response),
        status=response.status_code,
        changes=_changes(asked),
    )
    try:
        entry.save(force_insert=True)
    except (DatabaseError, InterfaceError):
        logger.exception("the audit log lacks %s %s: %s", method, request.path, response.status_code)


def _network(view: Any, response: HttpResponseBase) -> str:
    """Return the name in the path; for `new` the one that was drawn."""
    name = str(view.kwargs.get("nnid", ""))
    answer = getattr(response, "data", None)
    return str(answer.get("nn_id", name)) if name == "new" and isinstance(answer, Mapping) else name


def _changes(asked: Request) -> dict[str, Any]:
    """Return what was sent, if it was read: a body that came too late for a refusal is not read for this."""
    if not hasattr(asked, "_data") or not isinstance(asked._data, Mapping):  # noqa: SLF001 - `data` would read it now
        return {}
    files = {field: [file.name for file in asked.FILES.getlist(field)] for field in asked.FILES}
    fields = {name: value for name, value in asked._data.items() if name not in files}  # noqa: SLF001
    kept: dict[str, Any] = without_secrets(fields | files)
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
