"""Tallies: one of the predictions of each run and day, one of each scoring job."""

from datetime import date
from uuid import UUID

from algorithms.drift.tally import Tally as Counts
from workflows.models import ScoringJob, Tally
from workflows.watching.masking import unmasked_tally


def add_to_day(run_id: UUID, day: date, counts: Counts) -> None:
    """Add to what a run predicted on a day; several web processes do, one at a time. Call it within a transaction."""
    of_day = Tally.objects.select_for_update().filter(run_id=run_id, day=day, scoring_job=None)
    stored = of_day.first()
    if stored is None:
        nothing = Tally(run_id=run_id, day=day, rows=0, counts=Counts().to_json())
        Tally.objects.bulk_create([nothing], ignore_conflicts=True)  # another process may be first
        stored = of_day.get()
    together = Counts.from_json(stored.counts) + unmasked_tally(counts)
    stored.rows, stored.anomalies, stored.counts = together.rows, together.anomalies, together.to_json()
    stored.save(update_fields=["rows", "anomalies", "counts", "updated"])


def keep_tally(job: ScoringJob, day: date, counts: Counts) -> None:
    """Keep what fell where in the file of a scoring job."""
    kept = unmasked_tally(counts).to_json()
    Tally.objects.create(
        run_id=job.run_id, scoring_job=job, day=day, rows=counts.rows, anomalies=counts.anomalies, counts=kept
    )
