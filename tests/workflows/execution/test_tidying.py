"""Files of attempts that ended without a result go; those of a run as it stands stay."""

import uuid
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from tests.workflows.conftest import place_of
from workflows.execution.tidying import remove_dead_job_folders, tidy
from workflows.models import Network, Run, RunState, Version

pytestmark = pytest.mark.django_db


@pytest.fixture
def run() -> Run:
    """Give a run in its third attempt, with files of all of them."""
    version = Version.objects.create(network=Network.objects.create(name="steel"), number=1)
    run = Run.objects.create(version=version, number=1, snapshot={}, state=RunState.RUNNING, attempts=3)
    for name in ("artifact-2", "artifact-3", "checkpoint"):
        (place_of(run.prefix) / name).mkdir(parents=True)
    (place_of(run.prefix) / "run.log").touch()
    return run


def names(run: Run) -> list[str]:
    return sorted(path.name for path in place_of(run.prefix).glob("*"))


@pytest.mark.parametrize(
    ("state", "kept"),
    [
        (RunState.SUCCEEDED, ["artifact-3", "run.log"]),
        (RunState.FAILED, ["run.log"]),
        (RunState.CANCELLED, ["run.log"]),
        (RunState.RUNNING, ["artifact-2", "artifact-3", "checkpoint", "run.log"]),
        (RunState.QUEUED, ["artifact-2", "checkpoint", "run.log"]),
    ],
)
def test_what_stays_depends_on_what_became_of_the_run(run: Run, state: RunState, kept: list[str]) -> None:
    Run.objects.update(state=state)
    tidy(run)
    assert names(run) == kept


def test_an_attempt_that_lost_its_run_removes_its_own_model_only(run: Run) -> None:
    run.attempts = 2
    tidy(run)
    assert names(run) == ["artifact-3", "checkpoint", "run.log"]


def test_of_a_deleted_run_nothing_stays(run: Run) -> None:
    Run.objects.filter(id=run.id)._raw_delete("default")
    tidy(run)
    assert names(run) == []


def test_a_job_folder_goes_when_its_attempt_holds_the_run_no_more(run: Run, tmp_path: Path) -> None:
    root = Path(settings.JOBS_ROOT)
    held, dead = root / f"{run.id}-3", [root / f"{run.id}-2", root / f"{uuid.uuid4()}-1"]
    others: list[Any] = [root / "convert-abc", root / f"upload-{uuid.uuid4()}"]
    for folder in (held, *dead, *others):
        folder.mkdir(parents=True)
    remove_dead_job_folders()
    assert [folder for folder in (held, *dead, *others) if folder.exists()] == [held, *others]
    Run.objects.update(state=RunState.CANCELLED)
    remove_dead_job_folders()
    assert not held.exists()
    for folder in others:
        folder.rmdir()
