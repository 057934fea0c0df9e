"""Many queued runs of a tiny model, drained by some workers."""

import itertools
import re
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from benchmarks.service import LABEL, STEEL, Service, data_path, make_network

NETWORK = "queue"
AT_ONCE = 4
STAMP = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),(\d{3}) ")
DONE = re.compile(r"run ([0-9a-f-]{36}) has succeeded")
RUN_SECONDS = 120
"""How long the queue is waited for, by run."""


@dataclass(frozen=True)
class Trained:
    """When a run came through, in seconds of the clock; `training` is what the training itself took by its own word."""

    created: float
    started: float
    first_line: float
    last_line: float
    finished: float
    training: float
    worker: str

    @classmethod
    def of(cls, run: Mapping[str, Any], lines: Sequence[str], result: Mapping[str, Any]) -> Self:
        """Put a run together from its row in the history, its log and its result."""
        stamps = [
            datetime.strptime(f"{found[1]}.{found[2]}", "%Y-%m-%d %H:%M:%S.%f").astimezone().timestamp()
            for found in map(STAMP.match, lines)
            if found
        ]
        times = {name: datetime.fromisoformat(run[name]).timestamp() for name in ("created", "started", "finished")}
        return cls(
            **times,
            first_line=stamps[0],
            last_line=stamps[-1],
            training=result["timings"]["total"],
            worker=run["worker"],
        )


def measure_runs(service: Service, count: int, logs: Sequence[Path]) -> dict[str, Any]:
    """Return what so many runs took beside their training, with as many workers as there are logs of workers."""
    _wait(lambda: _workers(service) >= len(logs), seconds=60, what=f"there are {len(logs)} workers")
    versions = _prepare(service, count)
    began = time.monotonic()
    for version in versions:
        service.call("POST", _training(version))
    queueing = time.monotonic() - began
    for version in versions:
        _wait(lambda v=version: _has_ended(service, v), seconds=RUN_SECONDS * count, what="the queue is empty")
    histories = [service.call("GET", f"runmanager/state/history/nnid/{NETWORK}/ver/{ver}/") for ver in versions]
    errors = not_once(histories, "".join(log.read_text(errors="replace") for log in logs))
    trained = [
        _examined(service, run, version)
        for version, runs in zip(versions, histories, strict=True)
        for run in runs
        if run["state"] == "succeeded"
    ]
    return {"POST train, ms a run": queueing / count * 1000, **(summary(trained) if trained else {}), "errors": errors}


def _workers(service: Service) -> int:
    metrics = service.session.get(service.api.removesuffix("/api/v1/type") + "/metrics", timeout=60).text
    found = re.search(r"^nnservice_workers ([0-9.]+)$", metrics, re.MULTILINE)
    return int(float(found[1])) if found else 0


def _prepare(service: Service, count: int) -> list[int]:
    """Make so many versions that wait to be trained, for one epoch on the bundled steel records."""
    make_network(service, NETWORK)
    version = f"nnid/{NETWORK}/ver/1"
    feeder = f"wf/state/pre/detail/feed/src/frame/net/autoencoder/{version}/node/feed_train/"
    service.call("POST", feeder, json={"label_column": LABEL})
    service.call("PUT", f"wf/state/netconf/detail/autoencoder/{version}/node/netconf_node/", json={"iter": 1})
    path = f"common/target/nninfo/nnid/{NETWORK}/version/"
    versions = [service.call("POST", path, json={"copy_from": 1}) for _ in range(count)]
    rows = STEEL.read_bytes()

    def upload(version: int) -> None:
        service.call("POST", data_path(NETWORK, version), files={"f": (STEEL.name, rows)})

    with ThreadPoolExecutor(AT_ONCE) as clients:
        list(clients.map(upload, versions))
    return versions


def _training(version: int) -> str:
    return f"runmanager/state/train/nnid/{NETWORK}/ver/{version}/"


def _has_ended(service: Service, version: int) -> bool:
    return service.call("GET", _training(version))["state"] not in ("queued", "running")


def _examined(service: Service, run: Mapping[str, Any], version: int) -> Trained:
    log = service.call("GET", f"service/monitering/type/log/id/{run['id']}/line/1000/")
    return Trained.of(run, log["lines"], service.call("GET", f"result/nnid/{NETWORK}/ver/{version}/"))


def _wait(holds: Callable[[], bool], *, seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not {what} after {seconds:.0f} s")
        time.sleep(0.5)


def not_once(histories: Sequence[Sequence[Mapping[str, Any]]], logs: str) -> list[str]:
    """Say which versions were not trained exactly once, by their histories and by the workers' logs."""
    errors = []
    succeeded = Counter(DONE.findall(logs))
    for runs in histories:
        if len(runs) != 1:
            errors.append(f"{len(runs)} runs of one version")
        for run in runs:
            if run["state"] != "succeeded":
                errors.append(f"run {run['id']} is {run['state']}: {run['error']}")
            elif run["attempts"] != 1 or succeeded[run["id"]] != 1:
                errors.append(f"run {run['id']}: attempt {run['attempts']}, finished {succeeded[run['id']]} times")
    return errors


def summary(runs: Sequence[Trained]) -> dict[str, float]:
    """Return what the runs took together, and where a worker's seconds went, on average of the runs.

    A worker is busy from the first start of its runs to the end of its last. What is not training is starting the
    training process (Python and TensorFlow are imported), ending the run (its files are checked and stored, its row is
    written) and what lies between one run and the next.
    """
    busy = sum(map(_busy, _by_worker(runs)))
    training = statistics.fmean(run.training for run in runs)
    starting = statistics.fmean(run.first_line - run.started for run in runs)
    ending = statistics.fmean(run.finished - run.last_line for run in runs)
    between = [later.started - run.finished for own in _by_worker(runs) for run, later in itertools.pairwise(own)]
    return {
        "runs": len(runs),
        "seconds in all": max(run.finished for run in runs) - min(run.created for run in runs),
        "a run holds a worker for, s": busy / len(runs),
        "of it training, s": training,
        "of it beyond the training, s": busy / len(runs) - training,
        "starting the training process, s": starting,
        "ending the run, s": ending,
        "from one run to the next, s": statistics.fmean(between) if between else 0.0,
        "most from one run to the next, s": max(between, default=0.0),
    }


def _by_worker(runs: Iterable[Trained]) -> list[list[Trained]]:
    """Return the runs of each worker process in the order of their starts."""

    def process(run: Trained) -> str:
        return run.worker.rpartition(":")[0]  # without the thread, which may be another one for each run

    ordered = sorted(runs, key=lambda run: (process(run), run.started))
    return [list(own) for _, own in itertools.groupby(ordered, process)]


def _busy(own: Sequence[Trained]) -> float:
    return own[-1].finished - own[0].started
