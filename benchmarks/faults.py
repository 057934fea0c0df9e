"""Faults at random moments over real processes: every accepted run ends, once, with whole files and no others."""

import contextlib
import json
import os
import random
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import psycopg
import redis
from celery import Celery
from kombu.exceptions import OperationalError as BrokerDown

from benchmarks.fault_client import Client
from benchmarks.fault_place import cut_connections, new_database, own_small_disk
from benchmarks.fault_report import is_told, report
from benchmarks.fault_service import QUICK, REPOSITORY, WORKERS, Installation, is_alive
from benchmarks.report import machine, parser, write_json

LOST_SECONDS = int(QUICK["NNSERVICE_HEARTBEAT_LOST_SECONDS"])
HAND_BACK_SECONDS = 10
NOT_NOW = (OSError, psutil.Error, redis.RedisError, BrokerDown, sqlite3.Error, psycopg.Error)
"""What a fault may meet that comes while another one is being got over."""
RARE = {"a network is deleted": 0.15}
"""Kinds that are injected less often than others: a run whose network was deleted shows little else."""


def main(argv: list[str]) -> None:
    """Run a campaign; exit with 1 if an invariant broke."""
    arguments = parser("faults", __doc__)
    arguments.add_argument("--faults", type=int, default=200, help="how many")
    arguments.add_argument("--seed", type=int, default=0, help="of the kinds and of the moments")
    arguments.add_argument("--attempts", type=int, default=20, help="NNSERVICE_MAX_ATTEMPTS; 3 are soon used up here")
    arguments.add_argument("--pause", type=float, default=3.0, help="seconds between two faults, on average")
    options = arguments.parse_args(argv)
    result = campaign(options.faults, options.seed, attempts=options.attempts, pause=options.pause)
    report(result)
    write_json(options.json, "faults", machine(), result)
    if result["failures"]:
        sys.exit(1)


def campaign(faults: int, seed: int, *, attempts: int = 20, pause: float = 1.5) -> dict[str, Any]:
    """Inject so many faults; return what happened, with `failures`: the invariants that broke."""
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="bench-faults-") as folder,
        own_small_disk(Path(folder) / "home") as own_disk,
        new_database(os.environ.get("TEST_DATABASE_URL")) as database_url,
    ):
        servers = {"database_url": database_url, "redis_url": os.environ.get("TEST_REDIS_URL")}
        service = Installation(Path(folder) / "home", **servers, NNSERVICE_MAX_ATTEMPTS=str(attempts))
        run = Campaign(service, random.Random(seed), own_disk=own_disk)
        try:
            service.start()
            run.inject(faults, pause)
            run.drain()
        finally:
            service.stop()
        left = run.examine()
        logs = {path.name: path.read_text(errors="replace") for path in Path(folder).glob("*.log")}
    result = run.result(left, logs)
    return result | {
        "seconds": round(time.monotonic() - began),
        "seed": seed,
        "pause": pause,
        "servers": bool(database_url),
    }


class Campaign:
    """Clients, faults, and what came of both."""

    def __init__(self, service: Installation, rng: random.Random, *, own_disk: bool) -> None:
        self._service = service
        self._rng = rng
        self._failures: list[str] = []
        self._counts: Counter[str] = Counter()
        self._slowest = {"hand back": 0.0, "cancel": 0.0}
        self._clients: list[Client] = []
        self._celery = Celery(broker=service.broker_url)
        faults: dict[str, Callable[[], bool]] = {
            "kill -9 of a training": self._kill_child,
            "kill -9 of a worker": lambda: service.kill(self._worker()),
            "kill -9 of the web server": lambda: service.kill("web"),
            "kill -9 of beat": lambda: service.kill("beat"),
            "SIGTERM of a worker": self._terminate_worker,
            "a worker stands still": self._stall,
            "the broker restarts": self._restart_broker,
            "the broker is flushed": lambda: bool(service.broker().flushdb()),
            "the database goes away": self._database_away,
            "a message twice": self._message_twice,
            "two sweeps at once": self._two_sweeps,
            "a run is cancelled": self._cancel,
            "a network is deleted": lambda: self._rng.choice(self._clients).delete(),
        }
        if own_disk:
            faults["the disk is full"] = self._fill_disk
        self._faults = faults

    def inject(self, faults: int, pause: float) -> None:
        """Start the clients, and faults of all kinds at random moments."""
        headers = {name: str(value) for name, value in self._service.session.headers.items() if name == "Authorization"}
        for number in range(4):
            self._clients.append(Client(self._service.url, headers, f"n{number}", graph=number % 2 == 1))
            self._clients[-1].start()
        self._service.pause(8)
        while self._counts.total() < faults:
            kind = self._rng.choices(list(self._faults), [RARE.get(kind, 1.0) for kind in self._faults])[0]
            began = time.monotonic()
            try:
                happened = self._faults[kind]()
            except NOT_NOW as error:
                print(f"{kind}: nothing happened: {error}", file=sys.stderr)
                happened = False
            if happened:
                self._counts[kind] += 1
                print(f"{self._counts.total():4} {kind} ({time.monotonic() - began:.1f} s)", file=sys.stderr)
            self._service.pause(self._rng.expovariate(1 / pause) if happened else 0.2)

    def drain(self) -> None:
        """Let everything that was accepted end."""
        for client in self._clients:
            client.end()

        def all_ended() -> bool:
            answers = [client.call("GET", client.training) for client in self._clients]
            return all(
                answer is not None
                and (answer.status_code == 404 or (answer.ok and answer.json()["state"] not in ("queued", "running")))
                for answer in answers
            )

        if not self._service.wait(all_ended, seconds=240):
            self._failures.append("not every run has ended 240 s after the last fault")

    def examine(self) -> dict[str, Any]:
        """Look at database and files when everything has stopped."""
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.fault_check"],
            input=json.dumps(self._accepted()),
            cwd=REPOSITORY,
            env={**self._service.environment, "NNSERVICE_LEFTOVER_SECONDS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(done.stderr[-3000:])
        return dict(json.loads(done.stdout[done.stdout.index("{") :]))

    def result(self, left: dict[str, Any], logs: dict[str, str]) -> dict[str, Any]:
        """Return the counts, and which invariants broke."""
        accepted, deleted = self._accepted(), set().union(*(client.deleted for client in self._clients))
        succeeded = set(re.findall(r"run ([0-9a-f-]{36}) has succeeded", "".join(logs.values())))
        ends = Counter(re.findall(r"run ([0-9a-f-]{36}) has (?:succeeded|failed)", "".join(logs.values())))
        ends.subtract(run for client in self._clients for run in client.cancelled)
        resumed = re.findall(r"run [0-9a-f-]{36} goes on after epoch", "".join(logs.values()))
        doubled = sorted(run for run, times in ends.items() if times > 1)
        checks = {
            "runs that have not ended": left["open"],
            "accepted runs that are gone": sorted(set(left["gone"]) - deleted),
            "runs that ended twice": doubled,
            "files that are not what was written": left["broken"],
            "orphan files": left["orphans"],
            "answers that no client should get": [line for client in self._clients for line in client.odd],
            "failures without a fault of theirs": [why for why in left["errors"] if not is_told(why)],
        }
        failures = self._failures + [f"{what}: {found[:5]}" for what, found in checks.items() if found]
        return {
            "faults": dict(self._counts),
            "runs": {
                "accepted": len(accepted),
                "trained to the end": len(succeeded),
                "of networks deleted since": len(deleted),
                **{f"now {state}": count for state, count in sorted(left["states"].items())},
                "attempts": left["attempts"],
                "attempts cut off": left["cut_off"],
                "trainings that went on from a checkpoint": len(resumed),
                "lost": len(checks["runs that have not ended"]) + len(checks["accepted runs that are gone"]),
                "doubled": len(doubled),
                "orphan files": len(left["orphans"]),
                "orphan files before the sweep": left["orphans_before_the_sweep"],
            },
            "answers": dict(sorted(sum((client.answers for client in self._clients), Counter()).items())),
            "slowest seconds": {name: round(seconds, 1) for name, seconds in self._slowest.items()},
            "errors": left["errors"],
            "failures": failures,
        }

    def _accepted(self) -> list[str]:
        return [run for client in self._clients for run in client.accepted]

    def _worker(self) -> str:
        return self._rng.choice(WORKERS)

    def _kill_child(self) -> bool:
        trainings = self._service.trainings()
        if trainings:
            self._rng.choice(trainings).kill()
        return bool(trainings)

    def _terminate_worker(self) -> bool:
        seconds = self._service.terminate(self._worker())
        if seconds is None:
            return False
        self._slowest["hand back"] = max(self._slowest["hand back"], seconds)
        if seconds > HAND_BACK_SECONDS:
            self._failures.append(f"a worker took {seconds:.1f} s to end")
        return True

    def _stall(self) -> bool:
        process = self._service.process(self._worker())
        if process is None:
            return False
        process.suspend()
        self._service.pause(self._rng.uniform(1, LOST_SECONDS + 4))
        process.resume()
        return True

    def _restart_broker(self) -> bool:
        seconds = self._rng.uniform(0.5, 3)
        if self._service.redis_url:  # somebody else's server: it answers nobody for a while, then has lost everybody
            broker = self._service.broker()
            broker.client_pause(int(seconds * 1000))
            self._service.pause(seconds)
            broker.client_kill_filter(_type="normal")
            return True
        return self._service.kill("valkey", down_for=seconds)

    def _database_away(self) -> bool:
        seconds = self._rng.uniform(1, 4)
        if self._service.database_url:
            cut_connections(self._service.database_url)
            return True
        with contextlib.closing(sqlite3.connect(self._service.home / "db.sqlite3", timeout=10)) as other:
            other.isolation_level = None
            other.execute("BEGIN IMMEDIATE")
            self._service.pause(seconds)
            other.execute("ROLLBACK")
        return True

    def _message_twice(self) -> bool:
        open_runs = [client.accepted[-1] for client in self._clients if client.accepted]
        if not open_runs:
            return False
        run = self._rng.choice(open_runs)
        for _ in range(2):
            self._celery.send_task("workflows.tasks.train", [run], queue="celery", retry=False)
        return True

    def _two_sweeps(self) -> bool:
        for _ in range(2):
            self._celery.send_task("workflows.tasks.sweep", queue="celery", retry=False)
        return True

    def _cancel(self) -> bool:
        client, began = self._rng.choice(self._clients), time.monotonic()
        ended = [
            child for child in self._service.trainings() if any(run in child.cmdline()[4] for run in client.accepted)
        ]
        done = client.cancel()
        if done:
            self._service.wait(lambda: not any(map(is_alive, ended)), seconds=20)
            self._slowest["cancel"] = max(self._slowest["cancel"], time.monotonic() - began)
        return done

    def _fill_disk(self) -> bool:
        filler = self._service.home / "filler"
        try:
            with filler.open("wb") as file, contextlib.suppress(OSError):
                while file.write(b"0" * 65536):
                    file.flush()
            self._rng.choice(self._clients).upload()
            self._service.pause(self._rng.uniform(1, 3))
        finally:
            filler.unlink()
        return True


if __name__ == "__main__":
    main(sys.argv[1:])
