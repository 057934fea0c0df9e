"""How many requests a minute: counted in Redis, so that all web processes count together."""

import contextlib
import hashlib
import logging
import threading
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
SHARE_AHEAD = 100
"""Of what is left to a user in a window, a process takes this part at once, and counts it by itself."""
MOST_AHEAD = 100
MOST_USERS = 10_000


def count(scope: str, who: str, by: int = 1) -> float | None:
    """Count a request; return the seconds to wait if it is one too many, else None. `by` 0 only asks for one more.

    A whole number by window is all that is stored: it is raised in one step, and nothing is unpickled. When the cache
    does not answer, the request passes.
    """
    return _counted(scope, who, by)[1]


def _counted(scope: str, who: str, by: int) -> tuple[int | None, float | None]:
    """Return how many were counted, None if nothing was, and the seconds to wait if the first of them is too many."""
    rate = settings.THROTTLES.get(scope)
    if rate is None:
        return None, None
    limit, seconds = rate
    now = time.time()
    window = int(now // seconds)
    key = f"throttle:{scope}:{who}:{window}"
    try:
        made = _raised(key, 2 * seconds, by=by)
    except (RedisError, OSError) as error:
        logger.warning("requests are not counted, the cache does not answer: %s", error)
        return None, None
    return made, (window + 1) * seconds - now if made + 1 - by > limit else None


class CountedAhead:
    """Requests that a process has counted in Redis before they came: together never more than the limit.

    So most requests wait for no other server. The nearer the limit, the fewer are taken at once, in the end one by one;
    what a process took and nobody asked it for goes with the window, at most a hundredth of the limit.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[str, tuple[int, int, int]] = {}  # by user: window, requests held, left to all then

    def count(self, who: str) -> float | None:
        """Count a request of a user as `count` does."""
        rate = settings.THROTTLES.get("user")
        if rate is None:
            return None
        limit, seconds = rate
        window = int(time.time() // seconds)
        with self._lock:
            of, held, left = self._held.get(who, (window, 0, limit))
            if of == window and held:
                self._held[who] = window, held - 1, left
                return None
        wanted = max(1, min((left if of == window else limit) // SHARE_AHEAD, MOST_AHEAD))
        made, wait = _counted("user", who, wanted)
        if made is not None and wait is None:
            self._hold(who, window, min(wanted, limit - (made - wanted)) - 1, limit - made)
        return wait

    def _hold(self, who: str, window: int, held: int, left: int) -> None:
        with self._lock:
            if len(self._held) >= MOST_USERS:
                self._held.clear()
            of, already, _ = self._held.get(who, (window, 0, left))
            self._held[who] = window, held + (already if of == window else 0), max(left, 0)


ahead = CountedAhead()


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
    _refuse_after(ahead.count(str(user.pk) if user else address_of(request)))


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
