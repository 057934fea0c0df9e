"""How the scoring of a file ends; real children, no worker."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from celery.exceptions import Reject
from django.conf import settings
from django.test import override_settings

from algorithms.bulk import BatchScorer
from tests.workflows.conftest import place_of
from workflows import tasks
from workflows.execution import scoring, shutdown
from workflows.execution.child import Child
from workflows.execution.scoring import score_file
from workflows.models import Run
from workflows.services.scored_files import FileState, ScoredFile
from workflows.services.scoring_note import ScoringNote


@pytest.fixture
def file(run: Run, source: Path, target: Path) -> ScoredFile:
    """Give a file of a folder that the run scores; it is queued."""
    ScoringNote(run.id, source, None).claim(target)
    queued = ScoredFile(source, target, "deep/c.parquet")
    queued.write_report(FileState.QUEUED)
    return queued


@pytest.fixture(autouse=True)
def _no_shutdown() -> Iterator[None]:
    yield
    shutdown.requested.clear()


@pytest.fixture
def endless(file: ScoredFile) -> None:
    """Make the source one that is read for ever."""
    file.source.unlink()
    os.mkfifo(file.source)  # nobody writes to it


def job_folders() -> list[Path]:
    return list(Path(settings.JOBS_ROOT).glob("score-*"))


def test_a_file_is_scored_and_reported(run: Run, file: ScoredFile) -> None:
    score_file(file.target_folder, file.name)
    scored, rows = pd.read_parquet(file.target), pd.read_parquet(file.source)
    pd.testing.assert_frame_equal(scored, BatchScorer(place_of(run.artifact_prefix))(rows))
    report = file.read_report()
    assert (report.state, report.rows, report.anomalies) == (FileState.FINISHED, 52, scored["anomaly"].sum())
    assert not job_folders()


@pytest.mark.parametrize("state", [FileState.RUNNING, FileState.FAILED, None])
def test_a_message_of_a_file_that_is_not_queued_is_passed_over(file: ScoredFile, state: FileState | None) -> None:
    if state is None:
        file.remove_report()
    else:
        file.write_report(state)
    before = file.read_report()
    score_file(file.target_folder, file.name)
    assert file.read_report() == before
    assert not file.target.exists()


def test_a_message_of_a_folder_that_is_gone_is_passed_over(file: ScoredFile) -> None:
    shutil.rmtree(file.target_folder)
    score_file(file.target_folder, file.name)
    assert not file.target_folder.exists()


def test_a_file_is_finished_only_as_long_as_it_is_what_was_there_before_its_first_row_was_read(
    file: ScoredFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_child = scoring._follow

    def change_meanwhile(child: Child, file: ScoredFile) -> dict[str, Any]:
        last = run_child(child, file)
        os.utime(file.source, (0, 0))
        return last

    monkeypatch.setattr(scoring, "_follow", change_meanwhile)
    score_file(file.target_folder, file.name)
    assert file.target.exists()
    assert file.state == FileState.ABSENT


def test_a_broken_file_is_reported_with_the_reason_and_leaves_no_target(run: Run, file: ScoredFile) -> None:
    rows = pd.read_parquet(file.source)
    rows.assign(weight=np.inf).to_parquet(file.source)
    score_file(file.target_folder, file.name)
    assert file.state == FileState.FAILED
    assert file.read_report().error == "column weight: row 1 is infinite; correct the cell or leave it empty"
    assert [path.name for path in file.target_folder.rglob("*") if path.is_file()] == ["scoring.json", "c.parquet.json"]


def test_a_damaged_model_is_reported(run: Run, file: ScoredFile) -> None:
    (place_of(run.artifact_prefix) / "model.onnx").write_bytes(b"changed")
    score_file(file.target_folder, file.name)
    assert "model.onnx of artifact artifact-1 is not the file that was written" in file.read_report().error


def test_a_run_that_was_deleted_is_reported(run: Run, file: ScoredFile) -> None:
    run_id = run.id
    run.delete()
    score_file(file.target_folder, file.name)
    assert file.read_report().error == f"run {run_id} does not exist"


def test_a_child_that_takes_too_long_is_stopped_and_the_limit_named(file: ScoredFile, endless: None) -> None:
    with override_settings(TRAINING_TIME_LIMIT=1):
        score_file(file.target_folder, file.name)
    assert file.state == FileState.FAILED
    assert file.read_report().error == "stopped after 1 s (NNSERVICE_TRAINING_TIME_LIMIT): split the file"
    assert not job_folders()


def test_a_child_beyond_its_memory_is_stopped_and_the_limit_named(run: Run, file: ScoredFile) -> None:
    with override_settings(SCORING_MEMORY_LIMIT=2_000_000):
        score_file(file.target_folder, file.name)
    assert "the limit is 2 MB (NNSERVICE_SCORING_MEMORY_MB)" in file.read_report().error


def test_a_worker_that_shuts_down_hands_the_message_back(file: ScoredFile, endless: None) -> None:
    shutdown.requested.set()
    with pytest.raises(Reject) as rejected:
        tasks.score_file(str(file.target_folder), file.name)
    assert rejected.value.requeue
    assert file.state == FileState.QUEUED
    assert not job_folders()
