"""A training job that is cut off after an epoch and goes on from its checkpoint, as a service's supervisor has it."""

import io
import json
import shutil

from algorithms.events import EventStream


class CutOff(Exception):
    """The job ends here, as by a kill."""


class _Supervisor(io.StringIO):
    """Hears events; takes the checkpoint of an epoch away and ends the job a little later, in the next epoch."""

    def __init__(self, folder, taken, epoch):
        super().__init__()
        self._folder, self._taken, self._epoch = folder, taken, epoch

    def write(self, line):
        event = json.loads(line)
        if event["event"] == "checkpoint" and event["epoch"] == self._epoch:
            shutil.move(self._folder / event["folder"], self._taken)
        if event["event"] == "checkpoint" and event["epoch"] > self._epoch:
            raise CutOff
        return super().write(line)


def assert_that_it_goes_on_to_the_same_scores(fit, job, tmp_path, *, cut_after):
    """Run a job (a FitJob) uninterrupted, and cut off after an epoch and resumed; compare everything but times."""
    whole, cut, again = (tmp_path / name for name in ("whole", "cut", "again"))
    for folder in (whole, cut, again):
        folder.mkdir()
    fit(job, whole, EventStream(io.StringIO()))
    taken = tmp_path / "taken"
    try:
        fit(job.model_copy(update={"checkpoint_seconds": 0}), cut, EventStream(_Supervisor(cut, taken, cut_after)))
        raise AssertionError("it was not cut off")
    except CutOff:
        pass
    heard = io.StringIO()
    fit(job.model_copy(update={"resume": taken}), again, EventStream(heard, min_interval=0.0))
    events = [json.loads(line) for line in heard.getvalue().splitlines()]
    epochs = [event["epoch"] for event in events if "epoch" in event]
    assert [e["resumed_from_epoch"] for e in events if "resumed_from_epoch" in e] == [cut_after]
    assert epochs[:2] == [cut_after, cut_after + 1], "what was trained already is not trained again"
    one, two = whole / "artifact", again / "artifact"
    assert {path.name for path in one.iterdir()} == {path.name for path in two.iterdir()}
    for path in one.glob("scores.*.npy"):
        assert path.read_bytes() == (two / path.name).read_bytes(), path.name
    assert (one / "model.onnx").read_bytes() == (two / "model.onnx").read_bytes()
    results = [_without_times(json.loads((folder / "result.json").read_text())) for folder in (one, two)]
    assert results[0] == results[1]


def _without_times(value):
    if isinstance(value, dict):
        times = ("timings", "rows_per_second", "seconds", "seconds_left")
        return {key: _without_times(part) for key, part in value.items() if key not in times}
    return [_without_times(part) for part in value] if isinstance(value, list) else value
