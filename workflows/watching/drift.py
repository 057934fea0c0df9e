"""Drift: what fell where in windows of days or of scored files, against the training data and the window before."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from algorithms.drift.report import FEWEST_ROWS, drift_report
from algorithms.drift.tally import Tally as Counts
from workflows.models import Run, Tally
from workflows.services.results import require_succeeded
from workflows.watching.references import references

DAY, BATCH = "day", "batch"


@dataclass
class Window:
    """Some consecutive days, or scoring jobs, of one run."""

    first: date
    last: date
    rows: int = 0
    tallies: list[int] = field(default_factory=list)
    jobs: list[int] = field(default_factory=list)

    @property
    def is_full(self) -> bool:
        """Enough rows to tell drift from chance."""
        return self.rows >= FEWEST_ROWS

    def take(self, other: "Window") -> None:
        """Become as wide as both."""
        self.last = max(self.last, other.last)
        self.rows += other.rows
        self.tallies += other.tallies
        self.jobs += other.jobs

    def described(self) -> dict[str, Any]:
        """Return from when to when it is, and of which jobs."""
        return {"first_day": self.first, "last_day": self.last, "jobs": sorted(self.jobs), "rows": self.rows}


def list_windows(
    run: Run, by: str, since: date | None, until: date | None, *, fewest: int = FEWEST_ROWS
) -> list[Window]:
    """Return the windows of a run, the oldest first, `since` and `until` included.

    By day each has what was predicted and what was scored in files that day; by batch each is one scoring job. Those
    with fewer than `fewest` rows are joined with the next; the last may have too few.
    """
    windows: list[Window] = []
    for part in _days(run, since, until) if by == DAY else _parts(run, since, until, batches=True):
        if windows and windows[-1].rows < fewest:
            windows[-1].take(part)
        else:
            windows.append(part)
    return windows


def _days(run: Run, since: date | None, until: date | None) -> Iterable[Window]:
    days: dict[date, Window] = {}
    for part in _parts(run, since, until, batches=False):
        if part.first in days:
            days[part.first].take(part)
        else:
            days[part.first] = part
    return days.values()


def _parts(run: Run, since: date | None, until: date | None, *, batches: bool) -> Iterable[Window]:
    """Yield one window for each tally, without its counts."""
    tallies = Tally.objects.filter(run=run, rows__gt=0)
    if batches:
        tallies = tallies.exclude(scoring_job=None)
    if since is not None:
        tallies = tallies.filter(day__gte=since)
    if until is not None:
        tallies = tallies.filter(day__lte=until)
    for pk, day, rows, job in tallies.order_by("day", "id").values_list("pk", "day", "rows", "scoring_job__number"):
        yield Window(day, day, rows, [pk], [] if job is None else [job])


class Drift:
    """What is told of a run's drift.

    Raises:
        Conflict: the run has no model, or one of an earlier release.
        Damaged: what drift is told by is.
    """

    def __init__(self, run: Run) -> None:
        require_succeeded(run)
        self._reference = references.get(run)

    def report(self, windows: Sequence[Window], position: int) -> dict[str, Any]:
        """Return the report on one window, against the training data and the window before."""
        window = windows[position]
        previous = _counts(windows[position - 1]) if position else None
        return {**window.described(), **drift_report(self._reference, _counts(window), previous)}

    def verdict(self, windows: Sequence[Window]) -> dict[str, Any]:
        """Return verdict and reason of the newest window that has enough rows."""
        full = [position for position, window in enumerate(windows) if window.is_full]
        if not full:
            rows = sum(window.rows for window in windows)
            return {
                "verdict": "too few rows",
                "reason": f"too few rows: {rows:,} of the {FEWEST_ROWS:,} that a verdict takes",
                "moved": [],
            }
        report = self.report(windows, full[-1])
        return {name: report[name] for name in ("verdict", "reason", "moved")}

    def contributions(self) -> dict[str, float]:
        """Return each column's mean contribution over the training data, the largest first."""
        return _falling(self._reference.contribution_means)

    def contributions_in(self, window: Window) -> dict[str, Any]:
        """Return each column's mean contribution in a window."""
        return {**window.described(), "contributions": _falling(_counts(window).contribution_means)}


def _falling(means: dict[str, float]) -> dict[str, float]:
    by_mean: Callable[[str], float] = means.__getitem__
    return {name: means[name] for name in sorted(means, key=by_mean, reverse=True)}


def _counts(window: Window) -> Counts:
    stored = Tally.objects.filter(pk__in=window.tallies).values_list("counts", flat=True)
    return sum(map(Counts.from_json, stored), Counts())
