"""What the writer of the log does with the rows of some requests: a bulk of rows, and a tally for each run and day."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date
from itertools import chain
from uuid import UUID

from django.db import IntegrityError, transaction

from workflows.models import Run
from workflows.watching.counting import tally_of
from workflows.watching.entries import Entry
from workflows.watching.inserting import insert_rows
from workflows.watching.tallies import add_to_day

ATTEMPTS = 3


def write(entries: Sequence[Entry]) -> None:
    """Store the rows of some requests, and count them, in one transaction; those of runs that are gone are left out.

    Raises:
        OperationalError, InterfaceError, Unavailable: the database, or the storage, cannot be reached now.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _write(entries)
        except IntegrityError:  # a run was deleted just now: the next look does not find it
            if attempt == ATTEMPTS:
                raise
        else:
            return


def _write(entries: Sequence[Entry]) -> None:
    runs = Run.objects.defer("result").in_bulk({entry.run_id for entry in entries})
    by_day: dict[tuple[UUID, date], list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.run_id in runs:
            by_day[entry.run_id, entry.created.astimezone(UTC).date()].append(entry)
    # Counted before the transaction: SQLite takes no other writer meanwhile.
    tallies = {(run, day): tally_of(runs[run], of_day) for (run, day), of_day in by_day.items()}
    with transaction.atomic():
        insert_rows(chain.from_iterable(by_day.values()))
        for run, day in sorted(tallies):  # in one order: two writers must not wait for each other
            tally = tallies[run, day]
            if tally is not None:
                add_to_day(run, day, tally)
