"""Only what the settings do not keep is removed, and never the run that serves."""

import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.utils import timezone
from pytest_django import Settings

from workflows import files
from workflows.models import AuditEntry, Run, RunState, Version
from workflows.operations.retention import apply_retention

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def version(run: Run) -> Version:
    """Give a version with runs 1 (succeeded, its model stored) to 6: failed but for the fourth, the sixth is queued."""
    states = {4: RunState.SUCCEEDED, 6: RunState.QUEUED}
    for number in range(2, 7):
        Run.objects.create(
            version=run.version,
            number=number,
            state=states.get(number, RunState.FAILED),
            snapshot=run.snapshot,
            finished=None if number == 6 else timezone.now() - timedelta(days=10 - number),
        )
    Run.objects.filter(number=1).update(finished=timezone.now() - timedelta(days=9))
    return run.version


def kept(version: Version) -> list[int]:
    return list(version.runs.order_by("number").values_list("number", flat=True))


def test_everything_is_kept_by_default(version: Version) -> None:
    apply_retention()
    assert kept(version) == [1, 2, 3, 4, 5, 6]


def test_the_newest_runs_are_kept_and_the_serving_and_the_open_ones(version: Version, settings: Settings) -> None:
    settings.KEEP_RUNS = 1
    apply_retention()
    assert kept(version) == [4, 5, 6]


def test_a_pinned_run_is_kept_however_old(version: Version, settings: Settings) -> None:
    version.pinned_run = version.runs.get(number=1)
    version.save()
    settings.KEEP_RUNS, settings.KEEP_DAYS = 1, 1
    apply_retention()
    assert kept(version) == [1, 6]


def test_runs_are_kept_for_so_many_days(version: Version, settings: Settings) -> None:
    settings.KEEP_DAYS = 7
    apply_retention()
    assert kept(version) == [4, 5, 6]


def test_the_files_of_a_removed_run_go_with_it(version: Version, settings: Settings) -> None:
    first = version.runs.get(number=1)
    assert files.names(first.artifact_prefix)
    settings.KEEP_RUNS = 1
    apply_retention()
    assert not files.names(first.artifact_prefix)


def test_logs_are_kept_for_so_many_days_but_not_taken_from_a_run_that_goes_on(
    version: Version, settings: Settings, tmp_path: Path
) -> None:
    old = time.time() - 40 * 24 * 3600
    runs: dict[int, Any] = {number: version.runs.get(number=number) for number in (4, 5, 6)}
    for number, run in runs.items():
        path = files.open_log(run.log_key, tmp_path)
        path.write_text("said")
        if number != 5:
            os.utime(path, (old, old))
    settings.KEEP_LOG_DAYS = 30
    apply_retention()
    assert {number: files.size(run.log_key) for number, run in runs.items()} == {4: None, 5: 4, 6: 4}
    assert kept(version) == [1, 2, 3, 4, 5, 6]


def test_audit_entries_are_kept_for_so_many_days(settings: Settings) -> None:
    for days in (5, 50):
        entry = AuditEntry.objects.create(method="POST", path="/", status=200)
        AuditEntry.objects.filter(pk=entry.pk).update(created=timezone.now() - timedelta(days=days))
    settings.KEEP_AUDIT_DAYS = 30
    apply_retention()
    assert AuditEntry.objects.count() == 1


def test_retention_is_on_the_clock() -> None:
    scheduled = {entry["task"] for entry in django_settings.CELERY_BEAT_SCHEDULE.values()}
    assert "workflows.tasks.keep_house" in scheduled
