"""Who asks: a user with a token, or in open mode nobody, who may do everything."""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import User

from nnservice.auth import OPEN
from workflows.errors import Conflict


def is_open() -> bool:
    """Tell whether everybody of this machine may do everything."""
    return bool(settings.AUTH_MODE == OPEN)


def user_of(request: Any) -> User | None:
    """Return the user behind a request; None in open mode, and of a stranger."""
    user = getattr(request, "user", None)
    return user if not is_open() and isinstance(user, User) else None


def require_user(request: Any) -> User:
    """Return the user behind a request.

    Raises:
        Conflict: the service is in open mode and knows none.
    """
    user = user_of(request)
    if user is None:
        raise Conflict("the service runs in open mode and knows no users; set NNSERVICE_AUTH=token")
    return user
