"""What a window's tally says beside the reference: distances, and a plain verdict with its reason."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from algorithms.drift.bins import Counts
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
    def excess(self) -> float:
        return -1.0 if self.distance is None else self.distance.excess

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
    before = previous or Tally()
    judged = window.rows >= FEWEST_ROWS
    tests = 1 + len(reference.columns) + len(reference.contributions)

    def find(trained: Counts, now: Counts | None, earlier: Counts | None, apart: int, *, judge: bool = True) -> Finding:
        known = _distance(trained, now, apart)
        moved = judged and judge and known is not None and known.is_beyond_chance(FALSE_ALARMS / tests)
        level = 0 if known is None or not moved else (known.excess >= MODERATE) + (known.excess >= LARGE)
        return Finding(known, None if earlier is None else _distance(earlier, now, apart), level)

    def find_numbers(binned: BinnedNumbers, now: Counted | None, earlier: Counted | None) -> Finding:
        return find(binned.counted.counts, _counts(now), _counts(earlier), binned.bins.apart)

    columns = {
        name: find(
            column.counts,
            window.columns.get(name),
            before.columns.get(name),
            column.bins.apart,
            judge=column.bins.kind != "date",
        )
        for name, column in reference.columns.items()
    }
    contributions = {
        name: find_numbers(binned, window.contributions.get(name), before.contributions.get(name))
        for name, binned in reference.contributions.items()
    }
    scores = find_numbers(reference.scores, window.scores, before.scores)
    moved = _most_moved_first({name: finding for name, finding in columns.items() if finding.level})
    contributing = _most_moved_first({name: finding for name, finding in contributions.items() if finding.level})
    level = max(finding.level for finding in (*columns.values(), *contributions.values(), scores))
    verdict = (STABLE, WATCH, RETRAIN)[level] if judged else TOO_FEW
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


def _distance(before: Counts, after: Counts | None, apart: int) -> Distance | None:
    if after is None:
        return None
    if before.shape != after.shape:
        raise ValueError("the window was counted in the bins of another model: tally its rows with this reference")
    return distance(before, after, apart)


def _counts(counted: Counted | None) -> Counts | None:
    return None if counted is None else counted.counts


def _most_moved_first(findings: dict[str, Finding]) -> list[str]:
    return sorted(findings, key=lambda name: -findings[name].excess)


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
