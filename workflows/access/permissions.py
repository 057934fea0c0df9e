"""Holds every call against the table of rules."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from uuid import UUID

from rest_framework.exceptions import AuthenticationFailed, NotFound
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from workflows.access import sight
from workflows.access.principal import is_open, user_of
from workflows.access.rules import PERMISSIONS, Rule, rule_of
from workflows.models import Token

if TYPE_CHECKING:  # DRF imports this module while it imports its views
    from rest_framework.views import APIView

RESERVED = ("all", "new")
"""What NetworkView takes in place of a name."""
PATIENCE = 1.0
"""Seconds for which it holds that a call is allowed; its body may take longer to come."""
CHECKED = "nnservice.checked"
"""Where the environment of a request keeps when it was found to be allowed."""


class DeclaredPermission(BasePermission):
    """Allows what the table of rules allows, and nothing that is not in it.

    A network that the caller may not see is 404, exactly as one that does not exist; one that they see and may not
    change is 403. Everything is settled before the body is read.
    """

    message = "not allowed"

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Tell whether the caller may make this call.

        Raises:
            NotFound: the path names a network, or a run, that the caller cannot see.
        """
        request.META[CHECKED] = time.monotonic()
        method = str(request.method)
        rule = rule_of(type(view), method)
        if method not in view.allowed_methods or (rule is None and method == "OPTIONS"):
            rule = Rule.SELF  # 405, or DRF's description of the view
        if rule is None:
            self.message = f"no rule says who may {method} this path"
            return False
        if rule == Rule.PUBLIC or is_open():
            return True
        user = user_of(request)
        if user is None:
            return False
        seen = _look(user, view) if rule not in (Rule.SELF, Rule.CREATE) else None
        permission = PERMISSIONS.get(rule)
        if permission is not None and not user.has_perm(permission):
            self.message = f"your role may not do this: it needs the permission {permission}"
            return False
        if seen is not None and not seen.allows(rule):
            self.message = _CLOSER[rule]
            return False
        return True


def ask_again(request: Request, view: APIView) -> None:
    """Hold a call against the rules once more if its body took long to come: nobody keeps a right by sending slowly.

    Raises:
        APIException: the token is gone, or the call is not allowed any more.
    """
    if time.monotonic() - request.META[CHECKED] < PATIENCE:
        return
    if user_of(request) is not None:
        token = Token.objects.select_related("user").filter(pk=request.auth.pk, user__is_active=True).first()
        if token is None:
            raise AuthenticationFailed("the token was withdrawn meanwhile")
        request.user = token.user  # one that was read before has its permissions with it
    view.check_permissions(request)


_CLOSER = {
    Rule.CHANGE: "you may read this network, not change it: its owner may share it with a group of yours for editing",
    Rule.OWN: "only the owner of this network, or an administrator, may do this",
}


def _look(user: Any, view: APIView) -> sight.Sight | None:
    """Return how the user sees the network that the path names; None if it names none."""
    name: str | None = view.kwargs.get("nnid")
    run: UUID | None = view.kwargs.get("run")
    if run is not None:
        seen = sight.look_at_run(user, run)
        if seen is None:
            raise NotFound(f"run {run} does not exist")
        return seen
    if name is None or (name in RESERVED and type(view).__name__ == "NetworkView"):
        return None
    seen = sight.look_at(user, name)
    if seen is None:
        raise NotFound(f"network {name} does not exist")
    return seen
