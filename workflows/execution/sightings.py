"""How long something did not change, as one process saw it: by a clock that nobody can set."""

import threading
import time
from collections.abc import Callable, Hashable, Mapping

Sign = Hashable


class Sightings:
    """Remembers when each of several things was first seen as it is.

    Only an unbroken watch counts: after a pause longer than `patience` seconds, in which a sign of life may have come
    and gone, or may have been impossible, everything counts from anew.
    """

    def __init__(self, patience: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience = patience
        self._clock = clock
        self._lock = threading.Lock()
        self._first: dict[Hashable, tuple[Sign, float]] = {}
        self._last = clock()

    def look(self, seen: Mapping[Hashable, Sign]) -> dict[Hashable, float]:
        """Take in how things are now; return for how many seconds each of them was seen to be so."""
        with self._lock:
            now = self._clock()
            if now - self._last > self._patience:
                self._first.clear()
            self._last = now
            before, self._first = self._first, {}
            for name, sign in seen.items():
                known = before.get(name)
                self._first[name] = known if known is not None and known[0] == sign else (sign, now)
            return {name: now - first for name, (_, first) in self._first.items()}

    def forget(self) -> None:
        """Begin anew: for a while nobody could have given a sign of life."""
        with self._lock:
            self._first.clear()
