"""Once an hour what is not kept goes, whether or not a message says so."""

import os
import time
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from workflows.execution import housekeeping
from workflows.execution.housekeeping import keep_house, keep_house_when_due
from workflows.models import AuditEntry

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _never_done(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(housekeeping, "_done", float("-inf"))


def make_leftover(settings: Any) -> Path:
    path = Path(settings.FILES_ROOT) / "uploads" / str(uuid.uuid4())
    path.mkdir(parents=True)
    when = time.time() - settings.LEFTOVER_SECONDS - 60
    os.utime(path, (when, when))
    return path


def make_old_entry(settings: Any) -> None:
    settings.KEEP_AUDIT_DAYS = 1
    entry = AuditEntry.objects.create(method="POST", path="/", status=200)
    AuditEntry.objects.filter(pk=entry.pk).update(created=timezone.now() - timedelta(days=2))


def test_a_worker_that_no_message_reaches_does_it_once_an_hour(settings: Any) -> None:
    leftover = make_leftover(settings)
    make_old_entry(settings)
    keep_house_when_due()
    assert not leftover.exists()
    assert not AuditEntry.objects.exists()
    make_old_entry(settings)
    keep_house_when_due()
    assert AuditEntry.objects.exists(), "an hour has not passed"


def test_a_worker_that_had_a_message_does_not_do_it_again(settings: Any) -> None:
    keep_house()
    make_old_entry(settings)
    keep_house_when_due()
    assert AuditEntry.objects.exists()


def test_old_rows_go_even_if_leftovers_cannot(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise PermissionError

    monkeypatch.setattr(housekeeping, "remove_leftovers", fail)
    make_old_entry(settings)
    with pytest.raises(PermissionError):
        keep_house()
    assert not AuditEntry.objects.exists()
