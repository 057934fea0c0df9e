"""What is kept for how long: by default everything but the log of predictions; the run that serves a version always."""

import logging
import time
from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from workflows import files
from workflows.errors import Conflict, NotFound
from workflows.models import OPEN_STATES, AuditEntry, LoggedRow, Run, ScoringJob, Version
from workflows.services.runs import delete_run

logger = logging.getLogger(__name__)

DAY = 24 * 3600
ROWS_AT_ONCE = 5000
"""Logged rows deleted by one statement: SQLite takes no other writer meanwhile."""


def apply_retention() -> None:
    """Remove runs, logs, audit entries and logged predictions that the settings do not keep."""
    for run in list(_outlived_runs()):
        try:
            delete_run(run.version, run)
        except (Conflict, NotFound):  # it serves since, or somebody was first
            continue
        logger.info(
            "removed run %s of %s: no longer kept (NNSERVICE_KEEP_RUNS, NNSERVICE_KEEP_DAYS)", run.id, run.version
        )
    _remove_old_scoring_jobs()
    _remove_old_logs()
    _remove_old_entries()
    _remove_old_predictions()


def _outlived_runs() -> Iterator[Run]:
    """Yield ended runs beyond the newest of their version, or older than is kept."""
    if not settings.KEEP_RUNS and not settings.KEEP_DAYS:
        return
    oldest = timezone.now() - timedelta(days=settings.KEEP_DAYS)
    for version in Version.objects.filter(runs__isnull=False).distinct().iterator():
        serving = version.serving_run
        ended = version.runs.exclude(state__in=OPEN_STATES).select_related("version__network").order_by("-number")
        for place, run in enumerate(ended.defer("result", "snapshot")):
            too_many = 0 < settings.KEEP_RUNS <= place
            too_old = settings.KEEP_DAYS > 0 and (run.finished or run.created) < oldest
            if (too_many or too_old) and run != serving and run.pk != version.pinned_run_id:
                yield run


def _remove_old_scoring_jobs() -> None:
    if settings.KEEP_DAYS:
        before = timezone.now() - timedelta(days=settings.KEEP_DAYS)
        for job in ScoringJob.objects.exclude(state__in=OPEN_STATES).filter(finished__lt=before):
            job.delete()  # one by one: each has files


def _remove_old_logs() -> None:
    if not settings.KEEP_LOG_DAYS:
        return
    before = time.time() - settings.KEEP_LOG_DAYS * DAY
    old = [key for key, found in files.stored(files.RUNS).items() if found.get("run.log", before) < before]
    for run in Run.objects.filter(pk__in=old).exclude(state__in=OPEN_STATES).only("id"):
        files.remove(run.log_key)


def _remove_old_entries() -> None:
    if settings.KEEP_AUDIT_DAYS:
        AuditEntry.objects.filter(created__lt=timezone.now() - timedelta(days=settings.KEEP_AUDIT_DAYS)).delete()


def _remove_old_predictions() -> None:
    """Remove what was logged; what was said of it, and how it fell, stays."""
    if not settings.KEEP_PREDICTION_DAYS:
        return
    old = LoggedRow.objects.filter(created__lt=timezone.now() - timedelta(days=settings.KEEP_PREDICTION_DAYS))
    while LoggedRow.objects.filter(pk__in=old.order_by("created").values("pk")[:ROWS_AT_ONCE]).delete()[0]:
        pass
