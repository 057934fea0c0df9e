"""The trainings and scoring jobs that wait for a worker, as /readyz and the metrics tell of them."""

from datetime import timedelta

from django.db.models import DurationField, ExpressionWrapper, F
from django.db.models.functions import Coalesce, Now

from workflows.models import Run, RunState, ScoringJob


def waiting_jobs() -> tuple[int, float]:
    """Return how many jobs are queued, and for how many seconds the first of them has waited; 0 if there is none.

    A job that was worked on and given back waits since its last sign of life, not since it was asked for.
    """
    found = [_waiting(kind) for kind in (Run, ScoringJob)]
    return sum(count for count, _ in found), max(seconds for _, seconds in found)


def _waiting(kind: type[Run] | type[ScoringJob]) -> tuple[int, float]:
    queued = kind.objects.filter(state=RunState.QUEUED)
    waited = ExpressionWrapper(Now() - Coalesce(F("heartbeat"), F("created")), output_field=DurationField())
    longest: timedelta = queued.order_by(waited.desc()).values_list(waited, flat=True).first() or timedelta()
    return queued.count(), max(0.0, longest.total_seconds())
