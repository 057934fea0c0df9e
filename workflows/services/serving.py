"""Which run answers: asked of the database with every prediction, the run itself is remembered."""

import threading
from collections import OrderedDict
from typing import Any
from uuid import UUID

from django.db.models import Case, F, OuterRef, QuerySet, Subquery, When

from workflows.models import Run, Version
from workflows.prepared import Prepared
from workflows.services.runs import get_run
from workflows.services.versions import get_active_version, get_version

KEPT = 100


def get_serving_run(network: str, number: int | None) -> Run:
    """Return the run that answers for a version of a network, the active one if no number is given.

    It may have been read a while ago, but what a prediction needs of a run that succeeded does not change: its
    snapshot, its files, its place.

    Raises:
        NotFound: there is no such network or version, or the version has no succeeded run.
        Conflict: no version is active.
    """
    found = _ACTIVE.first(name=network) if number is None else _NUMBERED.first(name=network, number=number)
    run = None if found is None or found[0] is None else _served_runs.get(UUID(str(found[0])))
    if run is None:  # looked for once more, to say what is missing
        return get_run(get_active_version(network) if number is None else get_version(network, number), None)
    return run


def _serving(**which: Any) -> QuerySet[Version, tuple[Any, ...]]:
    """As `Version.serving_run` finds it: the pinned one, else the newest that succeeded."""
    pinned_first = Case(When(pk=F("version__pinned_run"), then=0), default=1)
    run = Run.objects.succeeded().filter(version=OuterRef("pk")).order_by(pinned_first, "-number").values("pk")[:1]
    return Version.objects.filter(**which).values_list(Subquery(run))


def _active(name: str) -> QuerySet[Version, tuple[Any, ...]]:
    return _serving(network__name=name, active=True)


def _numbered(name: str, number: int) -> QuerySet[Version, tuple[Any, ...]]:
    return _serving(network__name=name, number=number)


_ACTIVE, _NUMBERED = Prepared(_active), Prepared(_numbered)


class _ServedRuns:
    """Runs that answered, with their versions and networks; the least recently used go."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._runs: OrderedDict[UUID, Run] = OrderedDict()

    def get(self, run_id: UUID) -> Run | None:
        """Return a run that succeeded; None if it was deleted just now."""
        with self._lock:
            if run_id in self._runs:
                self._runs.move_to_end(run_id)
                return self._runs[run_id]
        run = Run.objects.defer("result").select_related("version__network").filter(id=run_id).first()
        if run is None:
            return None
        with self._lock:
            self._runs[run_id] = run
            while len(self._runs) > KEPT:
                self._runs.popitem(last=False)
        return run


_served_runs = _ServedRuns()
