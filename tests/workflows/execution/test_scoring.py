"""How the scoring of a file ends; real children, no worker."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from celery.exceptions import Reject
from django.conf import settings
from django.test import override_settings

from algorithms.bulk import BatchScorer
from workflows import tasks
from workflows.execution import shutdown
from workflows.execution.scoring import score_file
from workflows.models import Run
from workflows.services.scored_files import FileState, ScoredFile


@pytest.fixture
def file(source: Path, target: Path) -> ScoredFile:
    return ScoredFile(source, target, "deep/c.parquet")


@pytest.fixture(autouse=True)
def _no_shutdown() -> Iterator[None]:
    yield
    shutdown.requested.clear()


def job_folders() -> list[Path]:
    return list(Path(settings.JOBS_ROOT).glob("score-*"))


def test_a_file_is_scored_and_reported(run: Run, file: ScoredFile) -> None:
    score_file(run.id, file, None)
    scored, rows = pd.read_parquet(file.target), pd.read_parquet(file.source)
    pd.testing.assert_frame_equal(scored, BatchScorer(run.artifact)(rows))
    report = file.read_report()
    assert (file.state, report["rows"], report["anomalies"]) == (FileState.FINISHED, 52, scored["anomaly"].sum())
    assert not job_folders()


def test_a_finished_file_and_one_that_another_worker_scores_are_left_alone(run: Run, file: ScoredFile) -> None:
    file.write_report(FileState.RUNNING, rows=7)
    score_file(run.id, file, None)
    assert not file.target.exists()
    file.remove_report()
    score_file(run.id, file, ["grade"])
    before = file.target.stat().st_mtime_ns
    score_file(run.id, file, None)
    assert file.target.stat().st_mtime_ns == before


def test_a_broken_file_is_reported_with_the_reason_and_leaves_no_target(run: Run, file: ScoredFile) -> None:
    rows = pd.read_parquet(file.source)
    rows.assign(weight=np.inf).to_parquet(file.source)
    score_file(run.id, file, None)
    assert file.state == FileState.FAILED
    assert file.read_report()["error"] == "column weight: row 1 is infinite; correct the cell or leave it empty"
    assert [path.name for path in file.target_folder.rglob("*") if path.is_file()] == ["c.parquet.json"]


def test_a_damaged_model_is_reported(run: Run, file: ScoredFile) -> None:
    (run.artifact / "model.onnx").write_bytes(b"changed")
    score_file(run.id, file, None)
    assert "model.onnx of artifact artifact-1 is not the file that was written" in file.read_report()["error"]


def test_a_run_that_was_deleted_is_reported(db: None, file: ScoredFile) -> None:
    run_id = uuid.uuid4()
    score_file(run_id, file, None)
    assert file.read_report() == {"state": "failed", "error": f"run {run_id} does not exist"}


def test_a_child_beyond_its_memory_is_stopped_and_the_limit_named(run: Run, file: ScoredFile) -> None:
    with override_settings(SCORING_MEMORY_LIMIT=2_000_000):
        score_file(run.id, file, None)
    assert "the limit is 2 MB (NNSERVICE_SCORING_MEMORY_MB)" in file.read_report()["error"]


def test_a_worker_that_shuts_down_hands_the_message_back(run: Run, file: ScoredFile) -> None:
    file.source.unlink()
    os.mkfifo(file.source)  # nobody writes to it: it is read for ever
    shutdown.requested.set()
    with pytest.raises(Reject) as rejected:
        tasks.score_file(str(run.id), str(file.source_folder), str(file.target_folder), file.name, None)
    assert rejected.value.requeue
    assert file.state == FileState.WAITING
    assert not job_folders()
