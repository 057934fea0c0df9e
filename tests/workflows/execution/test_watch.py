"""Checkpoints are passed on whole, and what was stored is only given up for a later one."""

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from algorithms.checkpoints import Checkpoints
from tests.workflows.conftest import place_of
from workflows import files
from workflows.execution.watch import Watch
from workflows.models import Run


class Training:
    """A training with a checkpoint after every epoch, and the supervisor that hears of it."""

    def __init__(self) -> None:
        self.run = Run(id=uuid.uuid4(), attempts=1)
        self.run.job_folder.mkdir(parents=True)
        self.watch = Watch(self.run)
        self._checkpoints = Checkpoints(self.run.job_folder, lambda: "this", seconds=0, on_saved=self._tell)

    def _tell(self, path: Path, epoch: int) -> None:
        self.watch.hear({"event": "checkpoint", "epoch": epoch, "folder": path.name})

    def end_epoch(self, epoch: int) -> None:
        self._checkpoints.offer(epoch, lambda: ({}, [("weights", np.zeros(3))]))

    @property
    def stored(self) -> dict[str, str]:
        return {path.name: path.read_text("latin1") for path in place_of(self.run.checkpoint_prefix).iterdir()}


@pytest.fixture
def training() -> Iterator[Training]:
    training = Training()
    yield training
    shutil.rmtree(training.run.job_folder)
    files.remove(training.run.prefix)


def test_what_is_stored_is_the_last_one_whole(training: Training) -> None:
    for epoch in (1, 2, 3):
        training.end_epoch(epoch)
        training.watch.publish_checkpoint()
        assert set(training.stored) == {"state.json", "arrays.npz"}
        assert f'"epoch": {epoch}' in training.stored["state.json"]


def test_one_that_is_being_stored_is_not_removed_by_the_training(
    training: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish = files.publish

    def publish_slowly(*given: Any, **options: Any) -> None:
        for epoch in (2, 3, 4, 5):
            training.end_epoch(epoch)
        publish(*given, **options)

    monkeypatch.setattr(files, "publish", publish_slowly)
    training.end_epoch(1)
    training.watch.publish_checkpoint()
    assert '"epoch": 1' in training.stored["state.json"]


def test_one_that_is_gone_already_leaves_what_is_stored(training: Training) -> None:
    training.end_epoch(1)
    training.watch.publish_checkpoint()
    training.end_epoch(2)
    shutil.rmtree(training.run.job_folder / "checkpoint-2")
    training.watch.publish_checkpoint()
    assert '"epoch": 1' in training.stored["state.json"]


def test_one_that_cannot_be_stored_is_left_out(training: Training, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "publish", full)
    training.end_epoch(1)
    training.watch.publish_checkpoint()
    assert not list(training.run.job_folder.iterdir())
