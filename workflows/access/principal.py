"""Who asks: a user with a token, or in open mode nobody, who may do everything."""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import User

from nnservice.auth import OPEN
from workflows.errors import Conflict
from workflows.models import Token

KNOWN = "nnservice.token"
"""Where the environment of a request keeps the token that it came with; headers have other names."""


def is_open() -> bool:
    """Tell whether everybody of this machine may do everything."""
    return bool(settings.AUTH_MODE == OPEN)


def user_of(request: Any) -> User | None:
    """Return the user behind a request; None in open mode, and of a stranger."""
    user = getattr(request, "user", None)
    return user if not is_open() and isinstance(user, User) else None


def remember(request: Any, token: Token) -> None:
    """Keep which token a request came with: an error's answer is made by a view that asks nobody."""
    request.META[KNOWN] = token


def token_of(request: Any) -> Token | None:
    """Return the valid token that a request came with."""
    token = request.META.get(KNOWN)
    return token if isinstance(token, Token) else None


def require_user(request: Any) -> User:
    """Return the user behind a request.

    Raises:
        Conflict: the service is in open mode and knows none.
    """
    user = user_of(request)
    if user is None:
        raise Conflict("the service runs in open mode and knows no users; set NNSERVICE_AUTH=token")
    return user
