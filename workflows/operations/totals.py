"""Sums over all time, for the metrics; one that cannot be written is logged and missed: the work itself goes on."""

import logging
import uuid
from typing import Any

from django.db import DatabaseError, InterfaceError
from django.db.models import F

from workflows.models import Run, Total

logger = logging.getLogger(__name__)

TOTALS = {
    "training_seconds": "Seconds that succeeded trainings took",
    "rows_trained": "Rows of the files that succeeded trainings read",
    "rows_scored_in_files": "Rows of files that workers scored",
}


def add_to_totals(**amounts: float) -> None:
    """Add to some of TOTALS."""
    try:
        for name, amount in amounts.items():
            if not Total.objects.filter(name=name).update(value=F("value") + amount):
                Total.objects.get_or_create(name=name)
                Total.objects.filter(name=name).update(value=F("value") + amount)
    except (DatabaseError, InterfaceError) as error:
        logger.warning("totals could not be written: %s", error)


def count_training(run_id: uuid.UUID) -> None:
    """Add a run that succeeded to the totals."""
    run = Run.objects.filter(id=run_id).values("started", "finished", "snapshot").first()
    if run is None or run["started"] is None or run["finished"] is None:
        return
    files: list[dict[str, Any]] = [file for node in run["snapshot"].get("data", {}).values() for file in node]
    seconds = max(0.0, (run["finished"] - run["started"]).total_seconds())
    add_to_totals(training_seconds=seconds, rows_trained=sum(file["rows"] for file in files))
