import os
import time
from pathlib import Path

import pytest

from workflows.services.scored_files import FileState, Report, ScoredFile, disk_time, files_below


@pytest.fixture
def file(tmp_path: Path) -> ScoredFile:
    scored = ScoredFile(tmp_path / "in", tmp_path / "out", "deep/a.parquet")
    for path in (scored.source, scored.target):
        path.parent.mkdir(parents=True)
    scored.source.write_text("rows")
    return scored


@pytest.fixture
def finished(file: ScoredFile) -> ScoredFile:
    file.target.touch()
    file.write_report(FileState.FINISHED, rows=3, source=file.stamp())
    return file


def test_a_file_is_absent_until_something_is_reported(file: ScoredFile) -> None:
    assert file.read_report() == Report(FileState.ABSENT)


@pytest.mark.parametrize("state", [FileState.QUEUED, FileState.RUNNING, FileState.FAILED])
def test_it_is_what_was_reported_last_whatever_lies_in_the_target_folder(file: ScoredFile, state: FileState) -> None:
    file.write_report(FileState.QUEUED)
    file.write_report(state, error="why")
    assert (file.state, file.read_report().error) == (state, "why")
    file.target.touch()
    assert file.state == state


def test_it_is_finished_while_the_target_is_there_and_the_source_is_what_was_scored(finished: ScoredFile) -> None:
    assert (finished.state, finished.read_report().rows) == (FileState.FINISHED, 3)
    finished.target.unlink()
    assert finished.state == FileState.ABSENT


def test_it_is_absent_again_when_other_rows_take_its_place_be_they_older(finished: ScoredFile) -> None:
    finished.source.write_text("other rows")
    os.utime(finished.source, (0, 0))
    assert finished.read_report() == Report(FileState.ABSENT)


def test_it_is_absent_again_when_rows_of_the_same_size_take_its_place(finished: ScoredFile) -> None:
    os.utime(finished.source, (0, 0))
    assert finished.state == FileState.ABSENT


def test_it_is_absent_again_when_its_source_is_gone(finished: ScoredFile) -> None:
    finished.source.unlink()
    assert finished.state == FileState.ABSENT


def test_what_was_reported_is_forgotten_on_request(file: ScoredFile) -> None:
    file.write_report(FileState.FAILED, error="no")
    file.remove_report()
    file.remove_report()
    assert file.state == FileState.ABSENT


def test_reports_are_replaced_whole_and_leave_nothing_else(file: ScoredFile) -> None:
    for rows in range(3):
        file.write_report(FileState.RUNNING, rows=rows)
    assert file.read_report().rows == 2
    assert len([path for path in file.target_folder.rglob("*") if path.is_file()]) == 1


def test_times_are_those_of_the_disk_not_of_this_host(file: ScoredFile, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 90)
    file.write_report(FileState.RUNNING)
    assert abs(disk_time(file.target_folder) - file.read_report().written) < 30
    assert not any(path.suffix == ".part" for path in file.target_folder.rglob("*"))


def test_files_are_listed_by_name_and_what_begins_with_dot_or_underscore_is_no_data(tmp_path: Path) -> None:
    data = ("b.parquet", "a.parquet", "day=1/a.parquet")
    hidden = ("_old/a.parquet", ".a.part", "_c.parquet")
    others = ("a.csv", "UP.PARQUET")
    for name in data + hidden + others:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.parquet").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "day=1")
    files, passed_over = files_below(tmp_path, tmp_path / "out")
    assert [file.name for file in files] == ["a.parquet", "b.parquet", "day=1/a.parquet"]
    assert passed_over == 3, "two files and a link to a folder"
