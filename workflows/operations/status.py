"""What runs, what waits, what it takes: one table for the people who run the service."""

import platform
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version

from django.conf import settings
from django.db import connection
from django.db.models import Count

from nnservice import __version__
from workflows import files
from workflows.models import DataFile, Network, Run, RunState, ScoringJob, Version
from workflows.operations.beats import seen_workers
from workflows.operations.health import readiness

LIBRARIES = ("Django", "celery", "tensorflow", "torch", "torch-geometric", "onnxruntime")
SHOWN = 20
COLUMNS = ("uploads", "models", "scores", "total")
KINDS = (Run, ScoringJob)


@dataclass(frozen=True)
class Usage:
    """What a network keeps, in bytes."""

    network: str
    versions: int
    runs: int
    uploads: int
    models: int
    scores: int

    @property
    def total(self) -> int:
        """Uploads, models, scored files and logs."""
        return self.uploads + self.models + self.scores


def disk_usage() -> list[Usage]:
    """Return what each network keeps, the largest first."""
    of_files = DataFile.objects.values_list("id", "node__version__network__name")
    of_runs, of_jobs = (kind.objects.order_by().values_list("id", "version__network__name") for kind in KINDS)
    uploads = _by_network(files.sizes(files.UPLOADS), of_files)
    models = _by_network(files.sizes(files.RUNS), of_runs)
    scores = _by_network(files.sizes(files.SCORED), of_jobs)
    versions = dict(Version.objects.order_by().values_list("network__name").annotate(Count("id")))
    runs = Counter(name for _, name in of_runs)
    names = Network.objects.values_list("name", flat=True)
    found = [
        Usage(name, versions.get(name, 0), runs[name], uploads[name], models[name], scores[name]) for name in names
    ]
    return sorted(found, key=lambda usage: (-usage.total, usage.network))


def _by_network(sizes: Mapping[str, int], rows: Iterable[tuple[object, str]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for key, network in rows:
        total[network] += sizes.get(str(key), 0)
    return total


def report() -> str:
    """Return the whole table."""
    sections = (_services(), _workers(), _jobs(), _disk(), _versions())
    return "\n".join(line for section in sections for line in (*section, ""))


def _services() -> Iterator[str]:
    found = readiness()
    yield f"nnservice {__version__}: {'ready' if found['ready'] else 'NOT READY'}, {settings.AUTH_MODE} mode"
    rows = []
    for name, part in found["parts"].items():
        told = [f"{key.replace('_', ' ')} {value}" for key, value in part.items() if key not in ("ok", "error")]
        rows.append((name, "ok" if part["ok"] else "FAILED", ", ".join(told) or part.get("error", "")))
    yield from table(("part", "state", ""), rows)


def _workers() -> Iterator[str]:
    rows = [
        (
            worker.name,
            f"{worker.running} of {worker.slots}",
            f"{silent.total_seconds():.0f} s ago",
            f"{worker.started:%Y-%m-%d %H:%M}",
            worker.release,
        )
        for worker, silent in seen_workers()
    ]
    yield from table(("worker", "busy", "seen", "since (UTC)", "release"), rows, empty="no worker was seen today")


def _jobs() -> Iterator[str]:
    counted = [dict(kind.objects.order_by().values_list("state").annotate(Count("id"))) for kind in KINDS]
    rows = [(state.value, *(f"{counts.get(state.value, 0):,}" for counts in counted)) for state in RunState]
    yield from table(("", "trainings", "scoring jobs"), rows)


def _disk() -> Iterator[str]:
    usage = disk_usage()
    rows: list[Sequence[str]] = [
        (u.network, str(u.versions), str(u.runs), mb(u.uploads), mb(u.models), mb(u.scores), mb(u.total))
        for u in usage[:SHOWN]
    ]
    if len(usage) > SHOWN:
        rest = usage[SHOWN:]
        rows.append((f"{len(rest)} others", "", "", *(mb(sum(getattr(u, n) for u in rest)) for n in COLUMNS)))
    rows.append(("all", "", "", *(mb(sum(getattr(u, n) for u in usage)) for n in COLUMNS)))
    yield from table(("network", "versions", "runs", "uploads MB", "models and logs MB", "scores MB", "MB"), rows)


def _versions() -> Iterator[str]:
    engine = connection.vendor
    if engine == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SHOW server_version")
            engine += f" {cursor.fetchone()[0]}"
    rows = [("Python", platform.python_version()), ("database", engine)]
    yield from table(("version", ""), rows + [(name, version(name)) for name in LIBRARIES])


def mb(size: int) -> str:
    """Return bytes as megabytes."""
    return f"{size / 1e6:,.1f}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]], *, empty: str = "") -> Iterator[str]:
    """Yield the lines of a table with aligned columns; `empty` when it has no rows."""
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    for row in (header, *rows):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
    if not rows and empty:
        yield f"  {empty}"
