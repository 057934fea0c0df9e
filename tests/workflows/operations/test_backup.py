"""What is backed up can be restored elsewhere; what is damaged is told."""

import errno
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from tests.workflows.conftest import DATA, STEEL, Api, place_of
from tests.workflows.scored import make_scoring_job
from workflows import files
from workflows.models import DataFile, Network, Run, RunState, ScoringJob
from workflows.operations import backup as backup_module
from workflows.operations.backup import MANIFEST, back_up
from workflows.operations.restore import restore

pytestmark = pytest.mark.django_db(transaction=True)

ELSEWHERE = """
import sys; from pathlib import Path
import django; django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
call_command("restore", sys.argv[1])
import json
from workflows.models import DataFile, Run
from workflows.services.prediction import predict
from workflows import files
run = Run.objects.get(state="succeeded")
answer = predict(run, "anomaly", json.loads(sys.argv[2]), row_ids=["row"])
stored = {f.name: b"".join(files.stream(f.prefix, "source.csv")).decode() for f in DataFile.objects.all()}
states = list(Run.objects.order_by("number").values_list("state", flat=True))
print(json.dumps({"rows": answer["rows"], "files": stored, "states": states}))
"""


@pytest.fixture
def elsewhere(tmp_path: Path) -> Callable[[Path, Any], Any]:
    """Give a function that restores a backup into a new installation with SQLite and predicts there."""

    def run(backup: Path, rows: Any) -> Any:
        environment = os.environ | {
            "NNSERVICE_HOME": str(tmp_path / "elsewhere"),
            "DJANGO_SETTINGS_MODULE": "nnservice.settings",
        }
        command = [sys.executable, "-c", ELSEWHERE, str(backup), json.dumps(rows)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


def upload(api: Api, name: str) -> int:
    """Make a network with an uploaded file; return the status of the upload."""
    base = f"common/target/nninfo/nnid/{name}/"
    api.post(base, {})
    api.post(f"{base}version/", {})
    api.post(f"wf/target/init/mode/simple/{name}/wfver/1/", {"type": "autoencoder_csv"})
    return api.upload(DATA.replace("/steel/", f"/{name}/"), ("steel.csv", STEEL)).status


def row_of(run: Run) -> dict[str, Any]:
    """Return a row with the columns of the model."""
    from tests.algorithms.contract import steel

    columns = dict(steel(rows=3).columns)
    return {name: values[0] if isinstance(values[0], str) else float(values[0]) for name, values in columns.items()}


def test_a_restored_installation_gives_the_same_scores_and_files(
    run: Run, tmp_path: Path, elsewhere: Callable[[Path, Any], Any]
) -> None:
    from workflows.services.prediction import predict

    assert upload(Api(), "other") == 200
    waiting = Run.objects.create(version=run.version, number=2, state=RunState.RUNNING, snapshot=run.snapshot)
    back_up(tmp_path / "backup")
    found = elsewhere(tmp_path / "backup", [row_of(run)])
    assert found["rows"] == predict(run, "anomaly", [row_of(run)], row_ids=["row"])["rows"]
    assert found["files"] == {"steel.csv": STEEL.decode()}
    assert found["states"] == ["succeeded", "queued"], "what ran there does not run here"
    assert waiting.state == RunState.RUNNING


def test_scored_files_are_restored_and_open_jobs_say_that_they_are_not(run: Run, tmp_path: Path) -> None:
    done, waiting = (
        make_scoring_job(run, number=n, state=s) for n, s in ((1, RunState.SUCCEEDED), (2, RunState.QUEUED))
    )
    (tmp_path / "artifact").mkdir()
    (tmp_path / "artifact" / "score.npy").write_bytes(b"scores")
    files.publish(tmp_path / "artifact", done.artifact_prefix)
    back_up(tmp_path / "backup")
    call_command("flush", interactive=False, verbosity=0)
    files.remove(done.prefix)
    restore(tmp_path / "backup")
    restored = {job.number: job for job in ScoringJob.objects.all()}
    assert restored[1].state == RunState.SUCCEEDED
    assert b"".join(files.stream(restored[1].artifact_prefix, "score.npy")) == b"scores"
    assert restored[2].state == RunState.FAILED
    assert "send it again" in restored[2].error
    assert restored[2].id == waiting.id


def test_what_is_uploaded_and_deleted_meanwhile_never_tears_a_backup(run: Run, tmp_path: Path) -> None:
    """Each backup holds the files of its own rows: all that are named are there, and their digests hold."""
    api = Api()
    ended = threading.Event()

    def change() -> None:
        number = 0
        while not ended.is_set():
            number += 1
            upload(api, f"n{number}")
            if number > 1:
                api.delete(f"common/target/nninfo/nnid/n{number - 1}/")
        connection.close()

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for number in range(4):
            manifest = back_up(tmp_path / f"backup-{number}")
            for name, told in manifest["files"].items():
                assert (tmp_path / f"backup-{number}" / "files" / name).stat().st_size == told["size"]
    finally:
        ended.set()
        thread.join()
    Network.objects.all().delete()
    restore(tmp_path / "backup-3")
    for data_file in DataFile.objects.all():
        assert data_file.prefix + "/table.parquet" in manifest["files"]


def test_a_file_that_changed_since_the_backup_is_named_and_nothing_is_restored(run: Run, tmp_path: Path) -> None:
    back_up(tmp_path / "backup")
    Network.objects.all().delete()
    model = next((tmp_path / "backup").rglob("model.onnx"))
    model.write_bytes(model.read_bytes()[:-1] + b"x")
    with pytest.raises(CommandError, match=r"damaged, nothing was restored: files/.*model.onnx: changed"):
        call_command("restore", str(tmp_path / "backup"))
    assert not Network.objects.exists()


def test_an_installation_that_holds_something_is_not_overwritten(run: Run, tmp_path: Path) -> None:
    back_up(tmp_path / "backup")
    with pytest.raises(CommandError, match="holds networks already"):
        call_command("restore", str(tmp_path / "backup"))


def test_a_backup_of_a_later_release_is_refused(run: Run, tmp_path: Path) -> None:
    back_up(tmp_path / "backup")
    Network.objects.all().delete()
    path = tmp_path / "backup" / MANIFEST
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps(manifest | {"migrations": [*manifest["migrations"], "workflows.9999_later"]}))
    with pytest.raises(CommandError, match="9999_later"):
        call_command("restore", str(tmp_path / "backup"))


def test_a_folder_that_exists_is_not_written_into(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="exists already"):
        call_command("backup", str(tmp_path))


def test_a_folder_that_is_no_backup_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="is no backup"):
        call_command("restore", str(tmp_path))


def test_rows_that_are_deleted_while_their_files_are_copied_are_in_no_backup(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert upload(Api(), "other") == 200
    original = backup_module.files.names

    def names(prefix: str) -> list[str]:
        found = original(prefix)
        if prefix.startswith("uploads/") and Network.objects.filter(name="other").exists():
            Network.objects.get(name="other").delete()  # its rows go at once, its files one after the other
            return [name for name in found if name != "source.csv"]
        return found

    monkeypatch.setattr(backup_module.files, "names", names)
    manifest = back_up(tmp_path / "backup")
    assert not [name for name in manifest["files"] if name.startswith("uploads/")]
    Network.objects.all().delete()
    restore(tmp_path / "backup")
    assert [network.name for network in Network.objects.all()] == ["steel"]


def test_a_log_that_is_removed_while_it_is_copied_is_left_out(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup_module.files, "size", lambda key: 100)  # there a moment ago
    manifest = back_up(tmp_path / "backup")
    assert run.log_key not in manifest["files"]


def spoil(run: Run, kind: str) -> str:
    """Damage a stored file; return the pattern of what is to be told of it."""
    uploaded = DataFile.objects.get().prefix
    prefix, name, told = {
        "upload": (uploaded, "source.csv", "not the one that was written"),
        "table": (uploaded, "table.parquet", "missing"),
        "model": (run.artifact_prefix, "model.onnx", "not the one that was written"),
        "manifest": (run.artifact_prefix, "manifest.json", "cannot be read"),
    }[kind]
    path = place_of(prefix) / name
    if kind == "table":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-1] + b"x")
    return f"{prefix}/{name}: .*{told}"


@pytest.mark.parametrize("kind", ["upload", "table", "model", "manifest"])
def test_one_damaged_file_is_named_and_everything_is_backed_up_and_restored_with_it(
    run: Run, tmp_path: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert upload(Api(), "other") == 200
    told = spoil(run, kind)
    with pytest.raises(CommandError, match="1 stored files are damaged"):
        call_command("backup", str(tmp_path / "backup"))
    assert re.search(f"damaged: {told}", capsys.readouterr().err)
    manifest = json.loads((tmp_path / "backup" / MANIFEST).read_text())
    assert len(manifest["damaged"]) == 1
    Network.objects.all().delete()
    call_command("restore", str(tmp_path / "backup"))
    assert re.search(f"when it was made: {told}", capsys.readouterr().err)
    assert sorted(network.name for network in Network.objects.all()) == ["other", "steel"]
    assert place_of(DataFile.objects.get().prefix).is_dir()
    assert place_of(run.artifact_prefix).is_dir()


def test_a_model_that_is_gone_is_named_and_everything_else_is_backed_up(run: Run, tmp_path: Path) -> None:
    from workflows import files

    assert upload(Api(), "other") == 200
    files.remove(run.artifact_prefix)
    manifest = back_up(tmp_path / "backup")
    assert list(manifest["damaged"]) == [f"{run.artifact_prefix}/manifest.json"]
    assert f"{DataFile.objects.get().prefix}/source.csv" in manifest["files"]


def test_what_can_be_read_of_a_file_is_kept_and_the_fault_of_the_disk_told(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = backup_module.files.stream

    def stream(prefix: str, name: str) -> Iterator[bytes]:
        if name == "model.onnx":
            yield b"its first bytes"
            raise OSError(errno.EIO, "Input/output error")
        yield from original(prefix, name)

    monkeypatch.setattr(backup_module.files, "stream", stream)
    manifest = back_up(tmp_path / "backup")
    path = f"{run.artifact_prefix}/model.onnx"
    assert "Input/output error" in manifest["damaged"][path]
    assert (tmp_path / "backup" / "files" / path).read_bytes() == b"its first bytes"
