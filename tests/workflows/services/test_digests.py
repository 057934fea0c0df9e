"""What is served of an artifact is what was written."""

from pathlib import Path

import numpy as np
import pytest

from algorithms.artifacts import write_artifact
from tests.workflows.conftest import DATA, RESULT, TRAIN, Api, place_of
from workflows.errors import Damaged
from workflows.models import Run, RunState
from workflows.services.digests import require_intact


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    with write_artifact(tmp_path / "artifact-1") as folder:
        for name in ("scores.datasrc.npy", "order.datasrc.npy", "model.onnx"):
            (folder / name).write_bytes(name.encode())
    return tmp_path / "artifact-1"


def test_what_matches_is_checked_however_often_it_changes(artifact: Path) -> None:
    scores = artifact / "scores.datasrc.npy"
    require_intact(artifact, "*.npy")
    for _ in range(2):
        scores.write_bytes(b"Scores.datasrc.npy")
        with pytest.raises(Damaged, match=r"scores\.datasrc\.npy of artifact artifact-1 is not the file"):
            require_intact(artifact, "*.npy")
        require_intact(artifact, "model.*")
        scores.write_bytes(b"scores.datasrc.npy")
        require_intact(artifact, "*.npy")


def test_a_missing_file_and_a_missing_manifest_are_said(artifact: Path) -> None:
    (artifact / "order.datasrc.npy").unlink()
    with pytest.raises(Damaged, match=r"order\.datasrc\.npy"):
        require_intact(artifact, "*.npy")
    (artifact / "manifest.json").unlink()
    with pytest.raises(Damaged, match="manifest"):
        require_intact(artifact, "model.onnx")


def test_damaged_scores_are_503_with_the_remedy(uploaded: Api) -> None:
    assert uploaded.post(TRAIN).status == 200
    result = {
        "detector": "autoencoder",
        "columns": ["WEIGHT"],
        "threshold": {"value": 1.0, "rule": "fixed", "contamination": None},
    }
    Run.objects.update(
        state=RunState.SUCCEEDED,
        result=result,
        metrics={},
        threshold={"value": 1.0, "rule": "fixed", "contamination": None},
    )
    folder = place_of(Run.objects.get().artifact_prefix)
    with write_artifact(folder) as made:
        for name, array in (("scores", np.zeros(6)), ("order", np.arange(6)), ("contributions", np.zeros((6, 1)))):
            np.save(made / f"{name}.datasrc.npy", array)
    assert uploaded.get(f"{RESULT}scores/").status == 200
    np.save(folder / "scores.datasrc.npy", np.ones(6))
    answer = uploaded.get(f"{RESULT}scores/")
    assert answer.status == 503
    assert "scores.datasrc.npy" in answer.body["result"]
    assert "train it again" in answer.body["result"]
    assert uploaded.get(DATA).status == 200
