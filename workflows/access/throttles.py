"""How many requests a minute: counted in Redis, so that all web processes count together."""

import contextlib
import hashlib
import logging
import time
import unicodedata
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.cache import cache
from django.http import HttpRequest
from redis import RedisError
from rest_framework.exceptions import Throttled
from rest_framework.throttling import BaseThrottle

logger = logging.getLogger(__name__)

MAX_USERNAME = 150


def count(scope: str, who: str, by: int = 1) -> float | None:
    """Count a request; return the seconds to wait if it is one too many, else None. `by` 0 only asks for one more.

    A whole number by window is all that is stored: it is raised in one step, and nothing is unpickled. When the cache
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
        made = _raised(key, 2 * seconds, by=by)
    except (RedisError, OSError) as error:
        logger.warning("requests are not counted, the cache does not answer: %s", error)
        return None
    return (window + 1) * seconds - now if made + 1 - by > limit else None


def _raised(key: str, seconds: int, *, by: int) -> int:
    name = cache.make_key(key)
    # Django's own `add` and `incr` ask the server three times, at every request.
    together = cache._cache.get_client(write=True).pipeline()  # type: ignore[attr-defined]  # noqa: SLF001
    return int(together.set(name, 0, ex=seconds, nx=True).incr(name, by).execute()[-1])


def count_stranger(request: Any) -> None:
    """Count a request that came without a valid token.

    Raises:
        Throttled: it is one too many of this address.
    """
    _refuse_after(count("stranger", address_of(request)))


def refuse_used_up(request: Any) -> None:
    """Count nothing, but refuse an address from which too many requests came without a valid token.

    Raises:
        Throttled: one more would be too many.
    """
    _refuse_after(count("stranger", address_of(request), by=0))


def count_user(user: User | None, request: Any) -> None:
    """Count a request of a user; in open mode, where there are none, of an address.

    Raises:
        Throttled: it is one too many.
    """
    _refuse_after(count("user", str(user.pk) if user else address_of(request)))


def count_login(request: HttpRequest) -> float | None:
    """Count a password that is tried on the admin site; return the seconds to wait.

    By address, more strictly by address and user name, and by the name alone far higher: who knows the name of an
    administrator must not keep that one out.
    """
    name = ""
    with contextlib.suppress(OSError):  # the client went away
        name = request.POST.get("username", "")
    # As the login form reads it, or other spellings of a name would have counters of their own.
    name = unicodedata.normalize("NFKC", name.strip()[:MAX_USERNAME])
    digest = hashlib.sha256(name.encode(errors="replace")).hexdigest()
    address = address_of(request)
    waits = [count("login", address), count("login of name", f"{address}:{digest}"), count("name", digest)]
    return max((wait for wait in waits if wait is not None), default=None)


def _refuse_after(wait: float | None) -> None:
    if wait is not None:
        raise Throttled(wait)


def address_of(request: Any) -> str:
    """Return where a request comes from: NNSERVICE_PROXIES says how many proxies are believed."""
    return str(BaseThrottle().get_ident(request) or "")
