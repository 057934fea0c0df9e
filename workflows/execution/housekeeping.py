"""Once an hour: what is not kept any more, and files that no one will ask for again, are removed.

Beat sends a message for it. Messages wait behind trainings and expire there, so a worker that had none for an hour does
it by itself, in a thread of its own: removing thousands of runs from a slow bucket takes hours, and no sweep must wait
for that. What several do at once does no harm.
"""

import time

from workflows.execution.duty import Duty
from workflows.execution.leftovers import remove_leftovers
from workflows.operations.retention import apply_retention

EVERY_SECONDS = 3600.0

_done = float("-inf")


class Housekeeper(Duty):
    """Keeps house when it is due, for as long as this process lives."""

    def __init__(self) -> None:
        super().__init__("housekeeper")

    def once(self) -> None:
        """Keep house if it is due."""
        self.attempt(keep_house_when_due)


def keep_house() -> None:
    """Remove leftovers, and what the settings do not keep."""
    global _done  # noqa: PLW0603 - of the process
    _done = time.monotonic()
    try:
        remove_leftovers()
    finally:
        apply_retention()


def keep_house_when_due() -> None:
    """Do it unless this process did within the last hour."""
    if time.monotonic() - _done >= EVERY_SECONDS:
        keep_house()
