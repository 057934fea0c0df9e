"""What a window's tally says beside the reference: distances, and a plain verdict with its reason."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from algorithms.drift.bins import Bins, Counts
from algorithms.drift.distances import Distance, distance
from algorithms.drift.reference import BinnedColumn, BinnedNumbers, Reference
from algorithms.drift.tally import Counted, Tally
from algorithms.tabular.wording import named

FEWEST_ROWS = 1000
"""Rows of a window that a verdict takes."""
MODERATE, LARGE = 0.1, 0.25
"""Stability indices from which on a distribution is usually said to have moved a little, and much."""
FALSE_ALARMS = 0.01
"""Share of the windows without drift in which chance alone may move anything that is judged."""
MOST_NAMED = 5
DIGITS = 6

STABLE, WATCH, RETRAIN, TOO_FEW = "stable", "watch", "retrain", "too few rows"


@dataclass(frozen=True)
class Finding:
    """A column, the scores or a contribution: its distances, and whether it moved: 0 not, 1 moderately, 2 much."""

    distance: Distance | None
    previous: Distance | None
    level: int

    @property
    def rank(self) -> tuple[float, float]:
        """Sort key: what moved most comes last, what did no more than by chance before it."""
        return (-1.0, 0.0) if self.distance is None else (max(self.distance.excess, 0.0), self.distance.psi)

    def to_dict(self) -> dict[str, Any]:
        known, before = self.distance, self.previous
        return {
            "psi": None if known is None else round(known.psi, DIGITS),
            "js": None if known is None else round(known.js, DIGITS),
            "expected": None if known is None else round(known.expected, DIGITS),
            "moved": self.level > 0,
            "previous": None if before is None else {"psi": round(before.psi, DIGITS), "js": round(before.js, DIGITS)},
        }


def drift_report(reference: Reference, window: Tally, previous: Tally | None = None) -> dict[str, Any]:
    """Return what moved between training and a window, and between the window before and this one, as JSON values.

    Something has moved when its stability index is 0.1 above what chance makes of windows of that size (much: 0.25),
    and so large an index, of all that are judged together, comes by chance in less than 1 % of the windows. Columns of
    dates, which move on by nature, are shown but not judged; whether the model minds, scores and contributions say.
    The verdict is by the training data alone: "retrain" when anything moved much, "watch" when it moved.

    Raises:
        ValueError: a tally was counted in the bins of another model.
    """
    judge = _Judge(reference, window, previous or Tally())
    columns = {name: judge.column(name) for name in reference.columns}
    contributions = {name: judge.contribution(name) for name in reference.contributions}
    scores = judge.scores()
    moved = _most_moved_first({name: finding for name, finding in columns.items() if finding.level})
    contributing = _most_moved_first({name: finding for name, finding in contributions.items() if finding.level})
    level = max(finding.level for finding in (*columns.values(), *contributions.values(), scores))
    verdict = (STABLE, WATCH, RETRAIN)[level] if judge.has_enough_rows else TOO_FEW
    return {
        "verdict": verdict,
        "reason": _reason(verdict, window.rows, moved, contributing, scores=scores.level > 0),
        "moved": moved,
        "rows": window.rows,
        "anomalies": {"rows": window.anomalies, "share": window.anomalies / window.rows if window.rows else None},
        "columns": [
            {"column": name, **_described(reference.columns[name], window.columns.get(name)), **columns[name].to_dict()}
            for name in _most_moved_first(columns)
        ],
        "scores": {**scores.to_dict(), "mean": _means(reference.scores, window.scores)},
        "contributions": [
            {
                "column": name,
                **contributions[name].to_dict(),
                "mean": _means(reference.contributions[name], window.contributions.get(name)),
            }
            for name in _most_moved_first(contributions)
        ],
    }


@dataclass(frozen=True)
class _Judge:
    """Compares a window with the reference and with the window before."""

    reference: Reference
    window: Tally
    before: Tally

    @property
    def has_enough_rows(self) -> bool:
        return self.window.rows >= FEWEST_ROWS

    def column(self, name: str) -> Finding:
        trained, now, before = (
            self.reference.columns[name],
            self.window.columns.get(name),
            self.before.columns.get(name),
        )
        found = _distance(trained.bins, trained.counts, now)
        level = 0 if trained.bins.kind == "date" else self._level(found)
        return Finding(found, _distance(trained.bins, before, now), level)

    def contribution(self, name: str) -> Finding:
        binned = self.reference.contributions[name]
        return self._numbers(binned, self.window.contributions.get(name), self.before.contributions.get(name))

    def scores(self) -> Finding:
        return self._numbers(self.reference.scores, self.window.scores, self.before.scores)

    def _numbers(self, binned: BinnedNumbers, now: Counted | None, before: Counted | None) -> Finding:
        trained, window, previous = (
            _independent(counts)
            for counts in (
                [column.counts for column in self.reference.columns.values()],
                self.window.columns.values(),
                self.before.columns.values(),
            )
        )
        found = _distance(binned.bins, binned.counted.counts, _counts(now), (trained, window))
        earlier = _distance(binned.bins, _counts(before), _counts(now), (previous, window))
        return Finding(found, earlier, self._level(found))

    def _level(self, found: Distance | None) -> int:
        tests = 1 + len(self.reference.columns) + len(self.reference.contributions)
        if found is None or not self.has_enough_rows or not found.is_beyond_chance(FALSE_ALARMS / tests):
            return 0
        return (found.excess >= MODERATE) + (found.excess >= LARGE)


def _independent(columns: Iterable[Counts]) -> int:
    """Return how many scores of a counting are worth as much as independent ones.

    A graph's edges share their nodes, and what these contribute: they are worth as many as it has nodes of the kind of
    which it has fewer. The rows of a table are all independent.
    """
    return min((int(counts.sum()) for counts in columns), default=1)


def _distance(
    bins: Bins, before: Counts | None, after: Counts | None, independent: tuple[int, int] | None = None
) -> Distance | None:
    if before is None or after is None:
        return None
    if not len(bins) == len(before) == len(after):
        raise ValueError("the window was counted in the bins of another model: tally its rows with this reference")
    return distance(before, after, apart=bins.apart, ordered=bins.kind != "category", independent=independent)


def _counts(counted: Counted | None) -> Counts | None:
    return None if counted is None else counted.counts


def _most_moved_first(findings: dict[str, Finding]) -> list[str]:
    return sorted(findings, key=lambda name: findings[name].rank, reverse=True)


def _described(column: BinnedColumn, window: Counts | None) -> dict[str, Any]:
    bins = column.bins
    return {
        "kind": bins.kind,
        "missing": _rates(column.counts, window, bins.missing),
        "unseen": None if bins.unseen is None else _rates(column.counts, window, bins.unseen),
    }


def _rates(training: Counts, window: Counts | None, place: int) -> dict[str, float | None]:
    return {"training": _rate(training, place), "window": None if window is None else _rate(window, place)}


def _rate(counts: Counts, place: int) -> float | None:
    rows = int(counts.sum())
    return round(int(counts[place]) / rows, DIGITS) if rows else None


def _means(binned: BinnedNumbers, window: Counted | None) -> dict[str, float | None]:
    return {"training": binned.counted.mean, "window": None if window is None else window.mean}


def _reason(verdict: str, rows: int, moved: Sequence[str], contributing: Sequence[str], *, scores: bool) -> str:
    if verdict == TOO_FEW:
        return f"{TOO_FEW}: {rows:,} of the {FEWEST_ROWS:,} that a verdict takes, {FEWEST_ROWS - rows:,} are missing"
    if verdict == STABLE:
        return f"{STABLE}: nothing moved by more than chance and a stability index of {MODERATE}"
    subjects = [_joined(moved)] if moved else []
    if scores:
        subjects.append("the scores")
    if contributing and not moved:
        subjects.append(f"what {_joined(contributing)} contribute{'s' if len(contributing) == 1 else ''} to them")
    return f"{verdict}: {_and(subjects)} moved"


def _joined(names: Sequence[str]) -> str:
    shown = [named(name) for name in names[:MOST_NAMED]]
    more = len(names) - len(shown)
    return _and([*shown, f"{more} more columns"] if more else shown)


def _and(parts: Iterable[str]) -> str:
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last
