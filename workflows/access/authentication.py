"""`Authorization: Bearer <token>`: who holds the token is who asks."""

import re
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone
from knox.auth import TokenAuthentication
from rest_framework.authentication import get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from workflows.access.known_tokens import known_tokens
from workflows.access.principal import is_open, remember
from workflows.access.rules import Rule, rule_of
from workflows.access.throttles import count_stranger, count_user
from workflows.models import Token

SCHEMES = (b"bearer", b"token")
SHAPE = re.compile(rb"[A-Za-z0-9_]{20,100}")


class BearerAuthentication(TokenAuthentication):
    """Knox' digests, one query and no write for a request; `Token` is taken for `Bearer`. In open mode nobody is asked.

    Who only reads, or asks for a prediction, may be one whose token was looked up a moment ago (`known_tokens`). Who
    changes something is looked up each time.

    Requests are counted here, before anything is refused: those without a valid token by address, so that nobody tries
    tokens at full speed, the others by user, so that nobody fills the audit log with what they may not do.
    """

    def authenticate(self, request: Request) -> tuple[User, Token] | None:
        """Return the user and the token; None without a token.

        Raises:
            AuthenticationFailed: the token is not one of ours, has expired, or its user is not active.
            Throttled: too many requests of this user, or of this address without a valid token.
        """
        if is_open():
            count_user(None, request)
            return None
        given = get_authorization_header(request).split()
        if not given:
            count_stranger(request)
            return None
        try:
            user, token = self._authenticate(given, is_read=_is_read(request))
        except AuthenticationFailed:
            count_stranger(request)
            raise
        count_user(user, request)
        remember(request, token)
        return user, token

    def _authenticate(self, given: list[bytes], *, is_read: bool) -> tuple[User, Token]:
        if len(given) != 2 or given[0].lower() not in SCHEMES or not SHAPE.fullmatch(given[1]):
            raise AuthenticationFailed("send the header 'Authorization: Bearer <token>'")
        known = known_tokens.get(given[1].decode()) if is_read else None
        if known is not None:
            return known.user, known
        changes = known_tokens.changes()
        user, token = self.authenticate_credentials(given[1])
        if is_read:
            known_tokens.put(token, changes)
        return user, token

    def _cleanup_token(self, auth_token: Any) -> bool:
        """Tell whether a token has expired. Knox would delete such tokens here; a read does not write."""
        return auth_token.expiry is not None and auth_token.expiry < timezone.now()

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


def _is_read(request: Request) -> bool:
    return rule_of(type(request.parser_context.get("view")), str(request.method)) == Rule.READ
