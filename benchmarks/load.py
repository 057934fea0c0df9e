"""Load on SQLite, and on PostgreSQL with Redis: requests a second, uploads at once, queued runs."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis

from benchmarks.load_requests import NEEDED, measure_requests
from benchmarks.load_runs import measure_runs
from benchmarks.load_uploads import measure_uploads
from benchmarks.report import machine, parser, print_table, write_json
from benchmarks.service import REPOSITORY, running_service
from tests.servers import CannotStart, both, new_database, with_database

DATABASES = ("sqlite", "postgresql")
PARTS = ("uploads", "requests", "runs")
"""In this order: the models that requests load would be seen in the memory that uploads take."""
SETTINGS = {"NNSERVICE_WORKER_CONCURRENCY": "1", "NNSERVICE_TRAINING_THREADS": "1"}
THROTTLE = "100000000/day"

Settings = Mapping[str, str]


@dataclass(frozen=True)
class Sizes:
    """How much of everything."""

    clients: tuple[int, ...] = (1, 16, 64)
    seconds: int = 10
    uploads: int = 50
    upload_mb: int = 20
    runs: int = 100


QUICK = Sizes(clients=(1, 4), seconds=1, uploads=5, upload_mb=2, runs=4)


def main(argv: Sequence[str]) -> None:
    """Measure a fresh service of each database, in a temporary folder and started as `bin/run` starts it.

    SQLite goes with the embedded broker and open mode. PostgreSQL and Redis are started from Debian's packages, or
    found at TEST_DATABASE_URL and TEST_REDIS_URL; there every call carries a token. A user may make 6,000 requests a
    minute, fewer than one client makes here, so that limit is raised (NNSERVICE_THROTTLE_USER); requests are counted as
    ever. PostgreSQL syncs every commit to the disk, SQLite its log at checkpoints (the service's own setting).

    Requests: wrk, on the same machine, asks for the state of a version and for the prediction of one row. Each client
    asks again when it is answered. Uploads: each into a network of its own, all begun together. Runs: one epoch on the
    bundled steel records; two worker processes train one at a time, with one thread each.

    The exit status is 1 if anything was answered with an error, or a run did not end exactly once.
    """
    arguments = parser("load", f"{__doc__}\n\n{main.__doc__}")
    arguments.add_argument("--part", action="append", choices=PARTS, help="default: all of them")
    arguments.add_argument("--database", action="append", choices=DATABASES, help="default: both")
    arguments.add_argument(
        "--seconds", type=int, default=Sizes.seconds, help=f"of wrk each time (default {Sizes.seconds})"
    )
    arguments.add_argument("--runs", type=int, default=Sizes.runs, help=f"that are queued (default {Sizes.runs})")
    arguments.add_argument("--quick", action="store_true", help="little of everything, to see that it works")
    options = arguments.parse_args(argv)
    parts = options.part or PARTS
    if "requests" in parts and shutil.which("wrk") is None:
        sys.exit(f"bench load: {NEEDED}")
    sizes = QUICK if options.quick else Sizes(seconds=options.seconds, runs=options.runs)
    described = machine()
    result: dict[str, dict[str, dict[str, Any]]] = {}
    try:
        for name in options.database or DATABASES:
            result[name] = {}
            for part, found in measure(name, parts, sizes):
                result[name][part] = found
                write_json(options.json, "load", described, result)  # each takes minutes: what is known is kept
    except CannotStart as error:
        sys.exit(f"bench load: {error}")
    report(result)
    if any(part["errors"] for parts in result.values() for part in parts.values()):
        sys.exit(1)


def measure(database: str, parts: Sequence[str], sizes: Sizes) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each part and what it found on one database; `errors` is a list."""
    with tempfile.TemporaryDirectory(prefix="bench-load-") as name, settings_of(database) as servers:
        folder = Path(name)
        settings = {**servers, **SETTINGS}
        with running_service(folder, **settings) as service:
            if database == "postgresql":
                service.session.headers["Authorization"] = f"Bearer {admin_token(folder, settings)}"
            if "uploads" in parts:
                yield "uploads", measure_uploads(service, folder, sizes.uploads, sizes.upload_mb)
            if "requests" in parts:
                yield "requests", measure_requests(service, folder, sizes.clients, sizes.seconds)
            if "runs" in parts:
                with second_worker(folder, settings) as log:
                    logs = (folder / "home" / "logs" / "worker.log", log)
                    yield "runs", measure_runs(service, sizes.runs, logs)


@contextmanager
def settings_of(database: str) -> Iterator[Settings]:
    """Give the settings of a service on a database, its servers running meanwhile."""
    if database == "sqlite":
        yield {"DATABASE_URL": "", "REDIS_URL": "", "NNSERVICE_AUTH": "open"}
        return
    with both(durable=True) as urls:
        redis_url = with_database(urls["TEST_REDIS_URL"], "3")
        redis.Redis.from_url(redis_url).flushdb()
        yield {
            "DATABASE_URL": new_database(urls["TEST_DATABASE_URL"], "nnservice_load"),
            "REDIS_URL": redis_url,
            "NNSERVICE_AUTH": "token",
            "NNSERVICE_THROTTLE_USER": THROTTLE,
        }


def admin_token(folder: Path, settings: Settings) -> str:
    """Make an administrator of the service in a folder; return the token."""
    made = subprocess.run(
        [sys.executable, "manage.py", "create_admin", "load"],
        cwd=REPOSITORY,
        env=environment(folder, settings),
        check=True,
        capture_output=True,
        text=True,
    )
    return made.stdout.split()[-1]


@contextmanager
def second_worker(folder: Path, settings: Settings) -> Iterator[Path]:
    """Run another worker process of the service in a folder; give its log."""
    log = folder / "worker-2.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "nnservice.programs", "worker"],
            cwd=REPOSITORY,
            env=environment(folder, settings),
            stdout=output,
            stderr=output,
        )
    try:
        yield log
    finally:
        process.terminate()
        process.wait(30)


def environment(folder: Path, settings: Settings) -> dict[str, str]:
    """Return the environment of a program beside the service that runs in a folder."""
    return {**os.environ, **settings, "NNSERVICE_HOME": str(folder / "home")}


def report(result: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> None:
    """Print a table of each part, and the errors."""
    asked = [
        [database, *row.values()]
        for database, parts in result.items()
        for row in parts.get("requests", {}).get("measured", ())
    ]
    if asked:
        print_table(["database", "request", "clients", "requests/s", "p50 ms", "p99 ms", "max ms", "errors"], asked)
    for part in ("uploads", "runs"):
        columns = {database: parts[part] for database, parts in result.items() if part in parts}
        if columns:
            print()
            names = [name for name in next(iter(columns.values())) if name != "errors"]
            print_table([part, *columns], [[name, *(found[name] for found in columns.values())] for name in names])
    for database, parts in result.items():
        for part, found in parts.items():
            for error in found["errors"][:20]:
                print(f"ERROR: {database}, {part}: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
