import os
import time
from pathlib import Path

import pytest
from django.conf import settings

from workflows.services.scored_files import FileState, ScoredFile, files_below


@pytest.fixture
def file(tmp_path: Path) -> ScoredFile:
    scored = ScoredFile(tmp_path / "in", tmp_path / "out", "deep/a.parquet")
    for path in (scored.source, scored.target):
        path.parent.mkdir(parents=True)
    scored.source.touch()
    return scored


def test_a_file_waits_until_something_is_heard_of_it(file: ScoredFile) -> None:
    assert (file.state, file.read_report()) == (FileState.WAITING, {})


def test_it_is_finished_as_soon_as_its_target_is_there_whatever_was_reported(file: ScoredFile) -> None:
    file.write_report(FileState.RUNNING, rows=3)
    file.target.touch()
    assert file.state == FileState.FINISHED


def test_it_waits_again_when_its_source_changed(file: ScoredFile) -> None:
    file.target.touch()
    file.write_report(FileState.FINISHED, rows=3)
    os.utime(file.target, (0, 0))
    assert file.state == FileState.WAITING


def test_what_went_wrong_is_read_back(file: ScoredFile) -> None:
    file.write_report(FileState.FAILED, error="column heat: row 5 has 'x'")
    assert file.state == FileState.FAILED
    assert file.read_report()["error"] == "column heat: row 5 has 'x'"
    file.remove_report()
    file.remove_report()
    assert file.state == FileState.WAITING


def test_a_running_file_of_which_nothing_is_heard_for_long_is_lost(file: ScoredFile) -> None:
    file.write_report(FileState.RUNNING, rows=3)
    assert file.state == FileState.RUNNING
    (report,) = (path for path in (file.target_folder / "_nnservice").rglob("*.json"))
    long_ago = time.time() - settings.HEARTBEAT_LOST_SECONDS - 1
    os.utime(report, (long_ago, long_ago))
    assert file.state == FileState.LOST


def test_reports_are_replaced_whole_and_leave_nothing_else(file: ScoredFile) -> None:
    for rows in range(3):
        file.write_report(FileState.RUNNING, rows=rows)
    assert file.read_report() == {"state": "running", "rows": 2}
    assert len([path for path in file.target_folder.rglob("*") if path.is_file()]) == 1


def test_files_are_listed_by_name_and_what_begins_with_dot_or_underscore_is_no_data(tmp_path: Path) -> None:
    for name in (
        "b.parquet",
        "a.parquet",
        "day=1/a.parquet",
        "_old/a.parquet",
        ".a.parquet.1.part",
        "_c.parquet",
        "a.csv",
    ):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.parquet").mkdir()
    names = [file.name for file in files_below(tmp_path, tmp_path / "out")]
    assert names == ["a.parquet", "b.parquet", "day=1/a.parquet"]
