"""One installation for the fault campaign: real processes that are started again when they die.

Attempts and everything else are as shipped; only times are shorter.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import redis
import requests

from benchmarks.fault_place import Place
from nnservice.home import socket_path
from tests.servers import free_port

REPOSITORY = Path(__file__).resolve().parents[1]
WORKERS = ("worker 1", "worker 2")
LOST_SECONDS, SQLITE_SECONDS = 8, 3
QUICK = {
    "NNSERVICE_HEARTBEAT_SECONDS": "1",
    "NNSERVICE_HEARTBEAT_LOST_SECONDS": str(LOST_SECONDS),
    "NNSERVICE_SWEEP_SECONDS": "1",
    "NNSERVICE_MESSAGE_LOST_SECONDS": "2",
    "NNSERVICE_CHECKPOINT_SECONDS": "0",
    "NNSERVICE_TRAINING_THREADS": "1",
    "NNSERVICE_WORKER_CONCURRENCY": "1",
    "NNSERVICE_SQLITE_SECONDS": str(SQLITE_SECONDS),
    "WEB_WORKERS": "1",
}
OWN = ("NNSERVICE_HOME", "PORT", "REDIS_URL", "DATABASE_URL", "STORAGE_URL", "DJANGO_SETTINGS_MODULE")


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class Installation:
    """Web, two workers, beat and, without a `redis_url`, the embedded broker, all of one state folder."""

    def __init__(self, place: Place) -> None:
        self.home = place.home
        self.redis_url = place.variables.get("REDIS_URL")
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        self.headers: dict[str, str] = {}
        self.environment = {
            **{name: value for name, value in os.environ.items() if name not in OWN},
            **QUICK,
            **place.variables,
            "NNSERVICE_HOME": str(place.home),
            "PORT": str(port),
        }
        self._clock = place.clock.variables if place.clock else {}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._due: dict[str, float] = {}
        self._names = [*([] if self.redis_url else ["valkey"]), "web", *WORKERS, "beat"]

    def manage(self, *arguments: str) -> str:
        """Run manage.py; return what it printed."""
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(
            command, cwd=REPOSITORY, env=self.environment, check=True, capture_output=True, text=True
        ).stdout

    def start(self) -> None:
        """Start everything; return when it answers."""
        (self.home / "logs").mkdir(parents=True, exist_ok=True)
        self.manage("migrate", "--verbosity", "0")
        if self.redis_url:  # nobody but users with a token may call
            token = self.manage("create_admin", "faults").split()[-1]
            self.headers["Authorization"] = f"Bearer {token}"
        self._due = dict.fromkeys(self._names, 0.0)
        self.wait(self.answers, seconds=120)

    def answers(self) -> bool:
        try:
            return requests.get(f"{self.url}/healthz", timeout=5).ok
        except requests.RequestException:
            return False

    def keep(self) -> None:
        """Start again what has died, unless it is held down."""
        for name in self._names:
            process = self._processes.get(name)
            if process is not None and process.poll() is None:
                continue
            if process is not None and name not in self._due:
                self._due[name] = time.monotonic() + 0.5
            if time.monotonic() >= self._due.get(name, 0.0):
                self._due.pop(name, None)
                self._processes[name] = self._spawn(name)

    def _spawn(self, name: str) -> subprocess.Popen[bytes]:
        with (self.home.parent / f"{name}.log").open("ab") as log:
            command = [sys.executable, "-m", "nnservice.programs", name.split(maxsplit=1)[0]]
            return subprocess.Popen(
                command,
                cwd=REPOSITORY,
                env=self.environment | ({} if name == "valkey" else self._clock),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def pause(self, seconds: float) -> None:
        """Let time pass; what dies meanwhile is started again."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            self.keep()
            time.sleep(min(0.1, left))

    def wait(self, holds: Callable[[], bool], *, seconds: float) -> bool:
        """Wait until something holds; False if it does not in time."""
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                return False
            self.pause(0.2)
        return True

    def process(self, name: str) -> psutil.Process | None:
        """Return a program's process, None while it is down."""
        process = self._processes.get(name)
        if process is None or process.poll() is not None:
            return None
        with contextlib.suppress(psutil.NoSuchProcess):
            return psutil.Process(process.pid)
        return None

    def kill(self, name: str, *, down_for: float = 0.5) -> bool:
        """Kill a program with all processes of its own, but not its trainings; it stays down for a while."""
        process = self.process(name)
        if process is None:
            return False
        children = process.children(recursive=True) if name == "web" else []
        self._due[name] = time.monotonic() + down_for
        for one in (process, *children):
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        return True

    def terminate(self, name: str, *, down_for: float = 0.5) -> float | None:
        """Ask a program to end; return the seconds that it took, None if it was not there."""
        process = self.process(name)
        if process is None:
            return None
        began = time.monotonic()
        self._due[name] = began + 60
        process.terminate()
        self.wait(lambda: self.process(name) is None, seconds=30)
        self._due[name] = time.monotonic() + down_for
        return time.monotonic() - began

    def trainings(self) -> list[psutil.Process]:
        """Return the training children of the workers."""
        found = []
        for name in WORKERS:
            with contextlib.suppress(psutil.NoSuchProcess):
                worker = self.process(name)
                for child in worker.children() if worker else []:
                    with contextlib.suppress(psutil.Error):
                        if "fit" in child.cmdline():
                            found.append(child)
        return found

    def broker(self) -> redis.Redis:
        """Connect to the broker."""
        if self.redis_url:
            return redis.Redis.from_url(self.redis_url)
        return redis.Redis(unix_socket_path=str(socket_path(self.home)))

    @property
    def broker_url(self) -> str:
        return self.redis_url or f"redis+socket://{socket_path(self.home)}"

    def stop(self) -> None:
        """End everything."""
        for name in reversed(self._names):
            process = self._processes.get(name)
            if process is not None and process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self._processes.values():
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
