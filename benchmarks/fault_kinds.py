"""The faults of a campaign: each says whether it happened; what was not there cannot die."""

import contextlib
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence

import psutil
import psycopg
import redis
from celery import Celery
from kombu.exceptions import OperationalError as BrokerDown

from benchmarks.fault_client import Client
from benchmarks.fault_place import Place
from benchmarks.fault_service import LOST_SECONDS, REPOSITORY, SQLITE_SECONDS, WORKERS, Installation, is_alive

HAND_BACK_SECONDS = 10
NOT_NOW = (OSError, psutil.Error, redis.RedisError, BrokerDown, sqlite3.Error, psycopg.Error)
"""What a fault may meet that comes while another one is being got over."""
DAY = 24 * 3600
JUMPS = (-30 * DAY, -3600, 0, 3600, 30 * DAY)


class Faults:
    """What can be done to an installation and to those who use it; `doomed` is the client whose network is deleted."""

    def __init__(
        self, service: Installation, place: Place, clients: Sequence[Client], doomed: Client, rng: random.Random
    ) -> None:
        self.slowest = {"hand back": 0.0, "cancel": 0.0}
        self.complaints: list[str] = []
        self._service, self._place = service, place
        self._clients, self._doomed, self._rng = clients, doomed, rng
        self._celery = Celery(broker=service.broker_url)

    def kinds(self) -> Mapping[str, Callable[[], bool]]:
        """Return the faults that are possible here, by name."""
        service = self._service
        kinds: dict[str, Callable[[], bool]] = {
            "kill -9 of a training": self._kill_child,
            "kill -9 of a worker": lambda: service.kill(self._worker()),
            "kill -9 of the web server": lambda: service.kill("web"),
            "kill -9 of beat": lambda: service.kill("beat"),
            "SIGTERM of a worker": self._terminate_worker,
            "a worker stands still": self._stall,
            "the broker is flushed": lambda: bool(service.broker().flushdb()),
            "kill -9 of the broker": self._kill_broker,
            "a message twice": self._message_twice,
            "two sweeps at once": self._two_sweeps,
            "a run is cancelled": self._cancel,
            "a network is deleted": self._doomed.delete,
        }
        if self._place.database:
            kinds["the database restarts, as by pg_ctl -m immediate"] = self._restart_database
        else:
            kinds["the database is locked for longer than anybody waits"] = self._lock_database
        if self._place.own_disk:
            kinds["the disk is full"] = self._fill_disk
        if self._place.clock:
            kinds["the clock jumps by an hour or a month"] = self._set_clock
        return kinds

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
        self.slowest["hand back"] = max(self.slowest["hand back"], seconds)
        if seconds > HAND_BACK_SECONDS:
            self.complaints.append(f"a worker took {seconds:.1f} s to end")
        return True

    def _stall(self) -> bool:
        process = self._service.process(self._worker())
        if process is None:
            return False
        process.suspend()
        self._service.pause(self._rng.uniform(1, LOST_SECONDS + 4))
        process.resume()
        return True

    def _kill_broker(self) -> bool:
        seconds = self._rng.uniform(0.5, 3)
        if self._place.broker is None:
            return self._service.kill("valkey", down_for=seconds)
        self._place.broker.end(signal.SIGKILL)
        self._service.pause(seconds)
        self._place.broker.start()
        return True

    def _restart_database(self) -> bool:
        assert self._place.database is not None
        self._place.database.end(signal.SIGQUIT)
        self._service.pause(self._rng.uniform(0.2, 5))
        self._place.database.start()
        return True

    def _lock_database(self) -> bool:
        with contextlib.closing(sqlite3.connect(self._service.home / "db.sqlite3", timeout=10)) as other:
            other.isolation_level = None
            other.execute("BEGIN IMMEDIATE")
            self._service.pause(SQLITE_SECONDS + self._rng.uniform(1, 5))
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
        command = [sys.executable, "-m", "benchmarks.fault_sweep"]
        with (self._place.folder / "sweeps.log").open("ab") as log:
            process = subprocess.Popen(command, cwd=REPOSITORY, env=self._service.environment, stdout=log, stderr=log)
        if not self._service.wait(lambda: process.poll() is not None, seconds=60):
            process.kill()
        return process.wait() == 0

    def _cancel(self) -> bool:
        client, began = self._rng.choice(self._clients), time.monotonic()
        ended = [
            child for child in self._service.trainings() if any(run in child.cmdline()[4] for run in client.accepted)
        ]
        done = client.cancel()
        if done:
            self._service.wait(lambda: not any(map(is_alive, ended)), seconds=20)
            self.slowest["cancel"] = max(self.slowest["cancel"], time.monotonic() - began)
        return done

    def _fill_disk(self) -> bool:
        filler = self._service.home / "filler"
        try:
            # Without a buffer: what is left in one when the disk is full would be written, in vain, at its end.
            with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
                while file.write(b"0" * 65536):
                    pass
            self._rng.choice(self._clients).upload()
            self._service.pause(self._rng.uniform(1, 3))
        finally:
            filler.unlink()
        return True

    def _set_clock(self) -> bool:
        assert self._place.clock is not None
        self._place.clock.set(self._rng.choice([ahead for ahead in JUMPS if ahead != self._place.clock.ahead]))
        return True
