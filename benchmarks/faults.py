"""Faults at random moments over real processes: every accepted run ends, once, with whole files and no others."""

import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from typing import Any

from benchmarks.fault_client import Client
from benchmarks.fault_kinds import NOT_NOW, Faults
from benchmarks.fault_place import Place, new_place
from benchmarks.fault_report import judge, report
from benchmarks.fault_service import REPOSITORY, Installation
from benchmarks.report import machine, parser, write_json

MOST = 3
"""Times as many faults as were asked for: with these the campaign is over, whatever became of the runs."""


def main(argv: list[str]) -> None:
    """Run a campaign; exit with 1 if an invariant broke, or if too few runs ended to tell."""
    arguments = parser("faults", __doc__)
    arguments.add_argument("--faults", type=int, default=200, help="how many, at least (default 200)")
    arguments.add_argument("--runs", type=int, default=100, help="as many are to end meanwhile (default 100)")
    arguments.add_argument("--seed", type=int, default=0, help="of the kinds and of the moments")
    arguments.add_argument(
        "--pause", type=float, default=5.0, help="seconds between two faults, on average (default 5)"
    )
    arguments.add_argument("--servers", action="store_true", help="on a PostgreSQL and a Redis of the campaign's own")
    options = arguments.parse_args(argv)
    described = machine()
    result = campaign(
        options.faults, options.seed, runs=options.runs, pause=options.pause, servers=options.servers, networks=5
    )
    report(result)
    write_json(options.json, "faults", described, result)
    if result["failures"]:
        sys.exit(1)


def campaign(
    faults: int, seed: int, *, runs: int = 0, pause: float = 1.2, servers: bool = False, networks: int = 3
) -> dict[str, Any]:
    """Inject so many faults, and more until so many runs have ended; return what happened.

    `failures` in it are the invariants that broke. One of the `networks` is deleted now and then.
    """
    began = time.monotonic()
    with new_place(servers=servers) as place:
        service = Installation(place)
        run = Campaign(service, place, random.Random(seed), networks)
        try:
            service.start()
            run.inject(faults, runs, pause)
            run.drain()
        finally:
            service.stop()
        left = run.examine()
        logs = "".join(path.read_text(errors="replace") for path in place.folder.glob("*.log"))
        result = run.result(left, logs, runs)
        if result["failures"]:
            kept = tempfile.mkdtemp(prefix="faults-logs-")
            shutil.copytree(place.folder, kept, ignore=shutil.ignore_patterns("home", "clock*"), dirs_exist_ok=True)
            print(f"the logs are kept in {kept}", file=sys.stderr)
    told = {"seconds": round(time.monotonic() - began), "seed": seed, "pause": pause, "servers": servers}
    return result | told


class Campaign:
    """Clients, faults, and what came of both."""

    def __init__(self, service: Installation, place: Place, rng: random.Random, networks: int) -> None:
        self._service, self._rng = service, rng
        self._failures: list[str] = []
        self._counts: Counter[str] = Counter()
        self._clients = [Client(service.url, f"n{number}", graph=number % 2 == 1) for number in range(networks)]
        self._faults = Faults(service, place, self._clients, self._clients[-1], rng)

    def inject(self, faults: int, runs: int, pause: float) -> None:
        """Start the clients, and faults of all kinds at random moments."""
        for client in self._clients:
            client.headers |= self._service.headers
            client.start()
        self._service.pause(8)
        kinds = self._faults.kinds()
        waiting: list[str] = []
        while (done := self._counts.total()) < faults or (done < MOST * faults and self._ended() < runs):
            if not waiting:  # each kind as often as any other
                waiting = self._rng.sample(list(kinds), len(kinds))
            kind = waiting.pop()
            began = time.monotonic()
            try:
                happened = kinds[kind]()
            except NOT_NOW as error:
                print(f"{kind}: nothing happened: {error}", file=sys.stderr)
                happened = False
            if happened:
                self._counts[kind] += 1
                print(f"{done + 1:4} {kind} ({time.monotonic() - began:.1f} s), {self._ended()} runs", file=sys.stderr)
            self._service.pause(self._rng.expovariate(1 / pause) if happened else 0.2)

    def _ended(self) -> int:
        """Return how many runs must have ended, as another one of the version was accepted; deleted ones left out."""
        return sum(max(0, len(client.accepted) - 1) for client in self._clients[:-1])

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
            input=json.dumps([run for client in self._clients for run in client.accepted]),
            cwd=REPOSITORY,
            env={**self._service.environment, "NNSERVICE_LEFTOVER_SECONDS": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(done.stderr[-3000:])
        return dict(json.loads(done.stdout[done.stdout.index("{") :]))

    def result(self, left: dict[str, Any], logs: str, runs: int) -> dict[str, Any]:
        """Return the counts, and which invariants broke."""
        told = judge(self._clients, dict(self._counts), left, logs, runs)
        told["failures"] = self._failures + self._faults.complaints + told["failures"]
        return told | {"slowest seconds": {name: round(seconds, 1) for name, seconds in self._faults.slowest.items()}}


if __name__ == "__main__":
    main(sys.argv[1:])
