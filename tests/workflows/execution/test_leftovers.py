"""What no one will ask for again is removed; what is in use or has a row stays."""

import os
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from tests.workflows.conftest import place_of
from workflows import files
from workflows.execution import leftovers
from workflows.execution.leftovers import remove_leftovers
from workflows.files.local import remove_path
from workflows.models import Network, Run, RunState, Version


@pytest.fixture(autouse=True)
def _leave_no_work() -> Iterator[None]:
    yield
    for folder in (settings.JOBS_ROOT, settings.FILE_UPLOAD_TEMP_DIR):
        for path in Path(folder).glob("*"):
            remove_path(path)


def make(path: Path, *, old: bool) -> Path:
    """Make a folder with a file, or a file if the name has a suffix, last touched long ago or now."""
    file = path if path.suffix else path / "content"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("x")
    when = time.time() - settings.LEFTOVER_SECONDS - 60 if old else time.time()
    for part in (file, path):
        os.utime(part, (when, when))
    return path


@pytest.mark.parametrize("old", [True, False])
@pytest.mark.parametrize(
    "place",
    ["files/incoming/rest.upload", "files/incoming/folder", "jobs/convert-x", "files/uploads/{}", "files/runs/{}"],
)
def test_only_what_is_old_and_without_a_row_is_removed(db: None, place: str, old: bool) -> None:
    path = make(Path(settings.STATE_HOME) / place.format(uuid.uuid4()), old=old)
    remove_leftovers()
    assert path.exists() is not old


def test_the_files_of_a_row_stay_however_old(db: None) -> None:
    version = Version.objects.create(network=Network.objects.create(name="steel"), number=1)
    run = Run.objects.create(version=version, number=1, snapshot={})
    make(place_of(run.prefix), old=True)
    remove_leftovers()
    assert place_of(run.prefix).exists()


def test_the_job_folder_of_a_training_stays_however_old_until_it_is_dead(db: None) -> None:
    version = Version.objects.create(network=Network.objects.create(name="steel"), number=1)
    run = Run.objects.create(version=version, number=1, snapshot={}, state=RunState.RUNNING, attempts=2)
    dead = Path(settings.JOBS_ROOT) / f"{run.id}-1"
    for folder in (run.job_folder, dead):
        make(folder, old=True)
    remove_leftovers()
    assert run.job_folder.exists()
    assert not dead.exists()


def test_a_clock_that_is_set_forward_removes_nothing_that_is_in_use(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    remove_leftovers()
    used = [
        make(Path(settings.STATE_HOME) / place, old=False)
        for place in ("files/incoming/now.upload", "jobs/convert-now", f"files/uploads/{uuid.uuid4()}")
    ]
    ahead = time.time() + 10 * settings.LEFTOVER_SECONDS
    monkeypatch.setattr(time, "time", lambda: ahead)
    monkeypatch.setattr(files, "check_writable", lambda: ahead)
    remove_leftovers()
    assert all(path.exists() for path in used)


def test_a_process_that_begins_with_a_wrong_clock_removes_nothing_that_is_in_use(
    db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leftovers, "_offsets", {})  # as of a new process
    in_use = [
        make(Path(folder) / name, old=False)
        for folder, name in ((settings.FILE_UPLOAD_TEMP_DIR, "arriving.upload"), (settings.JOBS_ROOT, "convert-x"))
    ]
    ahead = time.time() + 10 * settings.LEFTOVER_SECONDS
    monkeypatch.setattr(time, "time", lambda: ahead)
    remove_leftovers()
    assert [path for path in in_use if not path.exists()] == []


def test_a_full_disk_is_tidied_too(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> float:
        raise OSError(28, "No space left on device")

    path = make(Path(settings.FILES_ROOT) / "uploads" / str(uuid.uuid4()), old=True)
    monkeypatch.setattr(files, "check_writable", full)
    remove_leftovers()
    assert not path.exists()


def test_a_folder_that_is_not_of_the_service_is_left_alone(db: None) -> None:
    path = make(Path(settings.FILES_ROOT) / "uploads" / "notes", old=True)
    remove_leftovers()
    assert path.exists()


def test_what_lost_workers_left_of_a_run_that_ended_is_removed_once_it_is_old(db: None) -> None:
    version = Version.objects.create(network=Network.objects.create(name="steel"), number=1)
    for number, state in enumerate((RunState.SUCCEEDED, RunState.FAILED, RunState.RUNNING), start=1):
        run = Run.objects.create(version=version, number=number, snapshot={}, state=state, attempts=2)
        for name in ("artifact-1", "artifact-2", "checkpoint", ".part-1", "run.log"):
            make(place_of(run.prefix) / name, old=True)
        make(place_of(run.prefix) / "artifact-3", old=False)
    remove_leftovers()
    left = [{path.name for path in place_of(run.prefix).iterdir()} for run in Run.objects.order_by("number")]
    assert left == [
        {"run.log", "artifact-2", "artifact-3"},
        {"run.log", "artifact-3"},
        {"run.log", "artifact-1", "artifact-2", "artifact-3", "checkpoint", ".part-1"},
    ]


def test_copies_of_deleted_rows_leave_the_cache_of_every_host(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leftovers, "_removed", float("-inf"))
    version = Version.objects.create(network=Network.objects.create(name="steel"), number=1)
    run = Run.objects.create(version=version, number=1, snapshot={})
    deleted = f"runs/{uuid.uuid4()}/artifact-1"
    for prefix in (run.artifact_prefix, deleted, f"uploads/{uuid.uuid4()}"):
        with files.cache().hold(prefix):
            pass
    leftovers.remove_from_this_machine_when_due()
    assert files.cache().prefixes() == [run.artifact_prefix]
    with files.cache().hold(deleted):
        pass
    leftovers.remove_from_this_machine_when_due()
    assert deleted in files.cache().prefixes(), "an hour has not passed"
    files.cache().forget("runs")
