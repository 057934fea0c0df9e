"""How many requests a minute: counted in Redis, so that all web processes count together."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.cache import cache
from redis import RedisError
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from workflows.access.principal import is_open, user_of

if TYPE_CHECKING:  # DRF imports this module while it imports its views
    from rest_framework.views import APIView

logger = logging.getLogger(__name__)


def count(scope: str, who: str) -> float | None:
    """Count a request; return the seconds to wait if it is one too many, else None.

    A whole number by window is all that is stored: it is counted in one step, and nothing is unpickled. When the cache
    does not answer, the request passes.
    """
    rate = settings.THROTTLES.get(scope)
    if rate is None:
        return None
    limit, seconds = rate
    now = time.time()
    window = int(now // seconds)
    key = f"throttle:{scope}:{who}:{window}"
    try:
        cache.add(key, 0, timeout=2 * seconds)
        made = cache.incr(key)
    except (RedisError, OSError, ValueError) as error:  # ValueError: the key went between the two steps
        logger.warning("requests are not counted, the cache does not answer: %s", error)
        return None
    return (window + 1) * seconds - now if made > limit else None


def count_stranger(request: Request) -> None:
    """Count a request that came without a valid token.

    Raises:
        Throttled: it is one too many of this address.
    """
    wait = count("stranger", address_of(request))
    if wait is not None:
        raise Throttled(wait)


def address_of(request: Any) -> str:
    """Return where a request comes from: NNSERVICE_PROXIES says how many proxies are believed."""
    return str(BaseThrottle().get_ident(request) or "")


class UserThrottle(BaseThrottle):
    """Limits the requests of one user; strangers are counted where they are found out (`authentication`)."""

    _wait: float | None = None

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Count the request; False if it is one too many."""
        user = user_of(request)
        if user is not None:
            self._wait = count("user", str(user.pk))
        elif is_open():
            self._wait = count("user", address_of(request))
        return self._wait is None

    def wait(self) -> float | None:
        """Return the seconds after which the next request is taken."""
        return self._wait
