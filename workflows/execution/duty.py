"""A thread that does one thing again and again for as long as its process lives, whatever becomes of it once."""

import logging
import threading
from collections.abc import Callable

from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections, connection

logger = logging.getLogger(__name__)


class Duty(threading.Thread):
    """Calls `once`, at once and then every `SWEEP_SECONDS`, until `stop` is called."""

    def __init__(self, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._ended = threading.Event()

    def once(self) -> None:
        """Do it once, each part of it by `attempt`."""
        raise NotImplementedError

    def stop(self, seconds: float = 2.0) -> None:
        """Do it no more; wait at most so long for what is under way."""
        self._ended.set()
        self.join(seconds)

    def run(self) -> None:
        """Do it until `stop` is called."""
        while not self._ended.is_set():
            self.once()
            close_old_connections()
            self._ended.wait(settings.SWEEP_SECONDS)
        connection.close()

    def attempt(self, call: Callable[[], None]) -> bool:
        """Tell whether it went well; no part of a duty waits for another that fails."""
        try:
            call()
        except (DatabaseError, InterfaceError) as error:
            logger.warning("%s: the database does not take it, trying again: %s", self.name, error)
        except Exception:  # a thread that ends would be missed only when it is needed
            logger.exception("%s: failed", self.name)
        else:
            return True
        return False
