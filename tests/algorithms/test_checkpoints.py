"""A training's state is kept whole or not at all, and taken up again only by the same training."""

import io
import json
import shutil
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from algorithms.checkpoints import Checkpoints, checkpoints_of
from algorithms.events import EventStream
from algorithms.jobs import FitJob

ARRAYS = {"weights.0": np.arange(6, dtype=np.float32).reshape(2, 3), "step": np.array(7, np.int64)}
STATE = {"best": None, "rate": 0.1 + 0.2, "large": 2**100}


def state():
    return STATE, ARRAYS.items()


def checkpoints(folder, key="this", **options):
    return Checkpoints(folder, lambda: key, **{"seconds": 0, **options})


@pytest.fixture
def stored(tmp_path):
    """Give the folder of a checkpoint after epoch 3."""
    checkpoints(tmp_path).offer(3, state)
    return tmp_path / "checkpoint-3"


def test_what_is_taken_up_is_what_was_kept_to_the_bit(stored):
    heard = []
    found = checkpoints(stored.parent, resume=stored, on_resumed=heard.append).resumed()
    assert (found.epoch, found.state, heard) == (3, STATE, [3])
    assert found.arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert found.arrays[name].dtype == array.dtype
        assert np.array_equal(found.arrays[name], array)


def test_a_training_without_an_earlier_attempt_starts_anew(tmp_path):
    assert checkpoints(tmp_path).resumed() is None


def test_a_checkpoint_of_another_training_is_refused_with_the_reason(stored):
    said = []
    assert checkpoints(stored.parent, "other", resume=stored, on_refused=said.append).resumed() is None
    assert "that of other parameters, other data or other versions" in said[0]


@pytest.mark.parametrize("name", ["state.json", "arrays.npz"])
@pytest.mark.parametrize("damage", ["cut", "changed", "gone"])
def test_a_damaged_checkpoint_is_refused(stored, name, damage):
    path, said = stored / name, []
    content = path.read_bytes()
    if damage == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif damage == "changed":
        path.write_bytes(content.replace(b"this", b"thus").replace(b"\x40", b"\x41"))
    else:
        path.unlink()
    assert checkpoints(stored.parent, resume=stored, on_refused=said.append).resumed() is None
    assert said


def test_checkpoints_are_kept_at_most_so_often(tmp_path):
    rarely = checkpoints(tmp_path, seconds=1000)
    rarely.offer(1, state)
    assert list(tmp_path.iterdir()) == []


def test_only_the_last_ones_stay_for_a_supervisor_who_does_not_take_them(tmp_path):
    saved = []
    often = checkpoints(tmp_path, on_saved=lambda path, epoch: saved.append((path.name, epoch)))
    for epoch in (1, 2, 3, 4):
        often.offer(epoch, state)
    assert saved == [(f"checkpoint-{epoch}", epoch) for epoch in (1, 2, 3, 4)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-3", "checkpoint-4"]


def test_reading_all_data_for_the_first_one_does_not_put_off_the_second(tmp_path, monkeypatch):
    class Clock:
        now = 0.0

    def read_all_data():
        Clock.now += 1000
        return "this"

    monkeypatch.setattr(time, "monotonic", lambda: Clock.now)
    sometimes = Checkpoints(tmp_path, read_all_data, seconds=5)
    for epoch in (1, 2):
        Clock.now += 6
        sometimes.offer(epoch, state)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint-1", "checkpoint-2"]


def test_one_that_goes_goes_whole(tmp_path, monkeypatch):
    def find(folder, **_):
        found.append((folder.name, (tmp_path / "checkpoint-1").exists()))

    found = []
    often = checkpoints(tmp_path)
    for epoch in (1, 2):
        often.offer(epoch, state)
    monkeypatch.setattr(shutil, "rmtree", find)
    often.offer(3, state)
    assert found[-1] == ("checkpoint-1.gone", False), "a supervisor could take half of it"


def test_one_that_cannot_be_written_leaves_nothing_and_does_not_stop_the_training(tmp_path):
    def full():
        def arrays():
            yield "weights.0", ARRAYS["weights.0"]
            raise OSError(28, "No space left on device")

        return {}, arrays()

    often = checkpoints(tmp_path)
    often.offer(1, full)
    assert list(tmp_path.iterdir()) == []
    often.offer(2, state)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-2"]


@pytest.mark.parametrize("changed", ["parameters", "data", "nothing"])
def test_a_job_takes_up_the_checkpoint_of_the_same_parameters_and_data_only(tmp_path: Path, changed: str) -> None:
    table = tmp_path / "table.parquet"
    pq.write_table(pa.table({"n": [1.0, 2.0]}), table)
    job = FitJob(
        workflow_type="autoencoder_csv",
        tables={"datasrc": (table,)},
        parameters={"netconf_node": {"iter": 3}},
        checkpoint_seconds=0,
        resume=tmp_path / "checkpoint-2",
    )
    stream = io.StringIO()
    checkpoints_of(job, tmp_path, EventStream(stream)).offer(2, state)
    if changed == "data":
        pq.write_table(pa.table({"n": [1.0, 3.0]}), table)
    if changed == "parameters":
        job = job.model_copy(update={"parameters": {"netconf_node": {"iter": 3, "seed": 1}}})
    found = checkpoints_of(job, tmp_path, EventStream(stream)).resumed()
    saved, last = (json.loads(line) for line in stream.getvalue().splitlines())
    assert saved == {"event": "checkpoint", "epoch": 2, "folder": "checkpoint-2"}
    assert (found is not None) == (changed == "nothing")
    assert last["event"] == ("progress" if changed == "nothing" else "notice")
