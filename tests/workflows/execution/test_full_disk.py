"""A full disk is said, and nothing partial stays; on a small disk of its own, which only root may mount."""

import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as plain_settings

from tests.workflows.conftest import DATA, INIT, NETCONF, NETWORK, TRAIN, VERSIONS, Api, place_of
from workflows.execution.training import execute_run
from workflows.models import DataFile, Run, RunState

pytestmark = pytest.mark.django_db(transaction=True)
SMALL = b"A,N\n" + b"".join(b"a%d,%d.5\n" % (n % 3, n % 7) for n in range(300))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Give a disk of 3 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    if os.getuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("only root can mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture
def api(db: None) -> Api:
    api = Api()
    for path, body in ((NETWORK, {}), (VERSIONS, {}), (INIT, {"type": "autoencoder_csv"})):
        assert api.post(path, body).status == 200
    return api


def noise(size: int) -> bytes:
    """Return a CSV file of about so many bytes that does not shrink in Parquet."""
    rng = random.Random(0)
    return b"A,N\n" + b"".join(b"%s,%d\n" % (rng.randbytes(20).hex().encode(), n) for n in range(size // 48))


def fill(disk: Path) -> Path:
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(b"0" * 4096):
                pass
        except OSError:
            pass
    return filler


def left(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("size", [4_000_000, 1_900_000], ids=["receiving", "converting"])
def test_an_upload_that_does_not_fit_is_refused_with_the_remedy_and_leaves_nothing(
    api: Api, disk: Path, settings: Any, size: int
) -> None:
    settings.FILE_UPLOAD_TEMP_DIR = settings.JOBS_ROOT = disk
    answer = api.upload(DATA, ("rows.csv", noise(size)))
    assert answer.status == 507, answer.body
    assert "the disk of the service is full, nothing was stored: delete networks" in answer.body["result"]
    assert left(disk) == []
    assert not DataFile.objects.exists()
    assert api.upload(DATA, ("rows.csv", SMALL)).status == 200, "there is room for this one"


def test_a_training_without_room_fails_and_says_so(api: Api, disk: Path, settings: Any) -> None:
    assert api.upload(DATA, ("rows.csv", SMALL)).status == 200
    api.put(NETCONF, {"n_hidden": [4], "iter": 2})
    assert api.post(TRAIN).status == 200
    run = Run.objects.get()
    settings.JOBS_ROOT = disk
    filler = fill(disk)
    execute_run(run.id)
    run.refresh_from_db()
    assert run.state == RunState.FAILED
    assert "the disk" in run.error
    assert "is full: free some space" in run.error
    assert left(disk) == [filler.name]
    filler.unlink()
    assert api.post(TRAIN).status == 200
    execute_run(Run.objects.get(number=2).id)
    assert Run.objects.get(number=2).state == RunState.SUCCEEDED


def test_a_model_that_cannot_be_stored_fails_the_run_and_leaves_nothing(api: Api, disk: Path, settings: Any) -> None:
    assert api.upload(DATA, ("rows.csv", SMALL)).status == 200
    api.put(NETCONF, {"n_hidden": [4], "iter": 2})
    assert api.post(TRAIN).status == 200
    run = Run.objects.get()
    uploads = place_of(DataFile.objects.get().prefix)
    (disk / "uploads").mkdir()
    (disk / "runs").mkdir()
    subprocess.run(["cp", "-r", str(uploads), str(disk / "uploads")], check=True)
    (disk / "runs" / str(run.id)).mkdir()
    (disk / "runs" / str(run.id) / "run.log").touch()
    fill(disk)
    stored = {**plain_settings.STORAGES["default"], "OPTIONS": {"location": str(disk)}}
    settings.STORAGES = {**plain_settings.STORAGES, "default": stored}
    execute_run(run.id)
    run.refresh_from_db()
    assert run.state == RunState.FAILED
    assert "is full: free some space" in run.error
    assert [name for name in left(disk / "runs") if not name.endswith("run.log")] == []
