from pathlib import Path

import pytest

from workflows.errors import Conflict, Invalid, Unprocessable
from workflows.models import Run, RunState
from workflows.services.scored_files import FileState
from workflows.services.scoring import start_scoring


def test_each_file_gets_one_message_that_names_the_run_and_the_folders(
    run: Run, source: Path, target: Path, messages: list[tuple[str, ...]]
) -> None:
    scoring = start_scoring(run, source, target, ["grade"])
    assert [file.name for file in scoring.files] == ["a.parquet", "b.parquet", "deep/c.parquet"]
    assert messages[2] == (str(run.id), str(source), str(target), "deep/c.parquet", ["grade"])
    assert len(messages) == 3


def test_what_is_finished_or_running_is_not_sent_again_what_failed_is(
    run: Run, source: Path, target: Path, messages: list[tuple[str, ...]]
) -> None:
    first, second, third = start_scoring(run, source, target).files
    first.target.touch()
    second.write_report(FileState.RUNNING, rows=1)
    third.write_report(FileState.FAILED, error="no")
    messages.clear()
    start_scoring(run, source, target)
    assert [message[3] for message in messages] == ["deep/c.parquet"]
    assert third.state == FileState.WAITING


def test_a_folder_holds_the_scores_of_one_run_with_the_same_columns(run: Run, source: Path, target: Path) -> None:
    start_scoring(run, source, target)
    with pytest.raises(Conflict, match=f"holds the scores of run {run.id} with the columns of the files"):
        start_scoring(run, source, target, ["grade"])
    other = Run.objects.create(version=run.version, number=2, state=RunState.SUCCEEDED, snapshot=run.snapshot)
    with pytest.raises(Conflict, match="score into another folder"):
        start_scoring(other, source, target)


def test_folders_that_lie_in_each_other_are_refused(run: Run, source: Path) -> None:
    for folder in (source, source / "scored", source.parent):
        with pytest.raises(Invalid, match="must not lie in each other"):
            start_scoring(run, source, folder)


def test_a_folder_that_is_not_there_or_has_no_parquet_file_is_refused(run: Run, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="nowhere is no folder"):
        start_scoring(run, tmp_path / "nowhere", tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(Unprocessable, match="has no file that ends in"):
        start_scoring(run, tmp_path / "empty", tmp_path / "out")


def test_a_folder_that_cannot_be_written_is_refused(run: Run, source: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Invalid, match=r"cannot write into .*file/out"):
        start_scoring(run, source, tmp_path / "file" / "out")


def test_a_run_without_a_model_and_the_model_of_a_graph_are_refused(run: Run, source: Path, target: Path) -> None:
    run.snapshot = {"workflow_type": "graphbean_csv"}
    with pytest.raises(Invalid, match="a workflow of graphbean, which does not score row by row"):
        start_scoring(run, source, target)
    run.state = RunState.FAILED
    with pytest.raises(Conflict, match="has no result"):
        start_scoring(run, source, target)
    assert not target.exists()
