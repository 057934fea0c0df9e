import os
import time
from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from django.conf import settings

from workflows import tasks
from workflows.errors import Conflict, Invalid, Unavailable, Unprocessable
from workflows.models import Run, RunState
from workflows.services.scored_files import FileState, ScoredFile, files_below
from workflows.services.scoring import start_scoring

Messages = list[tuple[str, ...]]


@pytest.fixture
def clear_queue() -> Any:
    """Give a function that loses all messages that wait."""

    def clear() -> None:
        with current_app.connection_for_write() as connection:
            connection.default_channel.queue_purge(settings.SCORING_QUEUE)

    clear()
    return clear


def silence(file: ScoredFile) -> None:
    """Have the last report of a file be older than a worker may be silent."""
    long_ago = time.time() - settings.HEARTBEAT_LOST_SECONDS - 1
    os.utime(file._report, (long_ago, long_ago))


def test_each_file_is_queued_and_gets_one_message_that_names_it(
    run: Run, source: Path, target: Path, messages: Messages
) -> None:
    scoring = start_scoring(run, source, target, ["grade"])
    assert [file.name for file in scoring.files] == ["a.parquet", "b.parquet", "deep/c.parquet"]
    assert messages == [(str(target), file.name) for file in scoring.files]
    assert {file.state for file in scoring.files} == {FileState.QUEUED}


def test_files_wait_in_a_queue_of_their_own_behind_the_trainings(
    run: Run, source: Path, target: Path, clear_queue: Any
) -> None:
    assert [queue.name for queue in settings.CELERY_TASK_QUEUES] == ["celery", settings.SCORING_QUEUE]
    with current_app.connection_for_write() as connection:
        broker = connection.default_channel.client
        trainings = broker.llen("celery")
        start_scoring(run, source, target)
        assert (broker.llen("celery"), broker.llen(settings.SCORING_QUEUE)) == (trainings, 3)
        tasks.train.delay("a run")
        assert (broker.llen("celery"), broker.llen(settings.SCORING_QUEUE)) == (trainings + 1, 3)
        broker.lpop("celery")


def test_to_look_again_sends_nothing_again(run: Run, source: Path, target: Path, messages: Messages) -> None:
    for _ in range(4):
        start_scoring(run, source, target)
    assert len(messages) == 3


def test_what_is_finished_or_running_is_not_sent_again_what_failed_or_changed_is(
    run: Run, source: Path, target: Path, messages: Messages
) -> None:
    first, second, third = start_scoring(run, source, target).files
    first.target.touch()
    first.write_report(FileState.FINISHED, source=first.stamp())
    second.write_report(FileState.RUNNING, rows=1)
    third.write_report(FileState.FAILED, error="no")
    messages.clear()
    start_scoring(run, source, target)
    assert [name for _, name in messages] == ["deep/c.parquet"]
    assert third.state == FileState.QUEUED
    first.source.write_text("other rows")
    start_scoring(run, source, target)
    assert [name for _, name in messages] == ["deep/c.parquet", "a.parquet"]


def test_while_it_goes_on_what_failed_is_left_as_it_is(
    run: Run, source: Path, target: Path, messages: Messages
) -> None:
    scoring = start_scoring(run, source, target)
    scoring.files[0].write_report(FileState.FAILED, error="no")
    messages.clear()
    scoring.send(scoring.look())
    assert messages == []


def test_a_running_file_of_which_nothing_is_heard_for_long_is_sent_again_once(
    run: Run, source: Path, target: Path, messages: Messages, monkeypatch: pytest.MonkeyPatch
) -> None:
    scoring = start_scoring(run, source, target)
    for file in scoring.files[:2]:
        file.write_report(FileState.RUNNING, rows=1)
    silence(scoring.files[1])
    messages.clear()
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 90)  # this host's clock is ahead of that of the disk
    for _ in range(5):
        scoring.send(scoring.look())
    assert [name for _, name in messages] == ["b.parquet"]


def test_a_file_queued_for_long_is_sent_again_only_if_no_message_waits(
    run: Run, source: Path, target: Path, messages: Messages, clear_queue: Any
) -> None:
    scoring = start_scoring(run, source, target)
    for file in scoring.files:
        silence(file)
    messages.clear()
    scoring.send(scoring.look())
    assert messages == [], "they wait for a worker"
    clear_queue()
    for _ in range(5):
        scoring.send(scoring.look())
    assert len(messages) == 3


def test_when_the_broker_goes_away_it_is_said_how_many_were_queued_and_the_others_are_absent(
    run: Run, source: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = tasks.score_file.delay

    def send_one(target: str, name: str) -> object:
        if name == "a.parquet":
            return send(target, name)
        nowhere = current_app.connection_for_write("redis://127.0.0.1:1/0")
        return tasks.score_file.apply_async((target, name), connection=nowhere)

    monkeypatch.setattr(tasks.score_file, "delay", send_one)
    with pytest.raises(Unavailable, match="the message broker went away, 1 of 3 files were queued; start it again"):
        start_scoring(run, source, target)
    files, _ = files_below(source, target)
    assert [file.state for file in files] == [FileState.QUEUED, FileState.ABSENT, FileState.ABSENT]


def test_a_folder_holds_the_scores_of_one_run_of_one_folder_with_the_same_columns(
    run: Run, source: Path, target: Path
) -> None:
    start_scoring(run, source, target)
    with pytest.raises(Conflict, match=f"the scores of run {run.id} for {source} with the columns those of the files"):
        start_scoring(run, source, target, ["grade"])
    other = Run.objects.create(version=run.version, number=2, state=RunState.SUCCEEDED, snapshot=run.snapshot)
    with pytest.raises(Conflict, match="score into another folder"):
        start_scoring(other, source, target)
    with pytest.raises(Conflict, match="score into another folder"):
        start_scoring(run, source / "deep", target)


@pytest.mark.parametrize("content", ["", "{", "{}", "[]"])
def test_a_note_that_cannot_be_read_is_named_with_what_helps(
    run: Run, source: Path, target: Path, content: str
) -> None:
    note = target / "_nnservice" / "scoring.json"
    note.parent.mkdir(parents=True)
    note.write_text(content)
    with pytest.raises(Conflict, match=r"scoring\.json cannot be read; remove .*out, or score into another folder"):
        start_scoring(run, source, target)
    assert [path.name for path in note.parent.iterdir()] == ["scoring.json"]


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
