"""What a fault campaign tells, and what must not be in it."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.fault_client import Client
from benchmarks.report import print_table

RUN = "run ([0-9a-f-]{36})"
FULL = "the disk is full"
CUT_OFF = (
    r"its worker \S+ gave no sign of life for \d+ s",
    r"the fit process was killed \(SIGKILL\) by somebody",
)
FAILED = r"3 attempts were cut off, no other follows\. attempt \d+: .+"
DISK = r"the disk (that holds the job|of the worker or of the stored files) is full: free some space on it, .+"
"""All that faults may do to an attempt and to a run; the disk only where it was filled."""


def judge(
    clients: Sequence[Client], faults: Mapping[str, int], left: Mapping[str, Any], logs: str, runs: int
) -> dict[str, Any]:
    """Return the counts, and as `failures` which invariants broke; too few ended `runs`, or none with a model, is one.

    `left` is what fault_check found.
    """
    accepted = [run for client in clients for run in client.accepted]
    deleted = set().union(*(client.deleted for client in clients))
    states: Mapping[str, str] = left["states"]
    confirmed = set().union(*(client.cancelled for client in clients))
    cancelled = confirmed | {run for run, state in states.items() if state == "cancelled"}
    ends = Counter(re.findall(f"{RUN} has (?:succeeded|failed)", logs))
    ends.update(cancelled)
    doubled = sorted(run for run, times in ends.items() if times > 1)
    ended = [run for run in states if run not in left["open"]]
    gone = sorted(set(left["gone"]) - deleted)
    trained = set(re.findall(f"{RUN} has succeeded", logs))
    checks = {
        "runs that have not ended": left["open"],
        "accepted runs that are gone": gone,
        "runs that ended twice": doubled,
        "cancelled runs that went on": sorted(run for run in confirmed if states.get(run, "cancelled") != "cancelled"),
        "files that are not what was written": left["broken"],
        "orphan files": left["orphans"],
        "answers that no client should get": [line for client in clients for line in client.odd],
        "attempts cut off by no fault": [why for why in left["cut_off"] if not _is_of(why, CUT_OFF)],
        "failures without a fault of theirs": [why for why in left["errors"] if not is_told(why, faults)],
        "too few runs ended": [len(ended)] if len(ended) < runs else [],
        "no run ended with a model": [] if "succeeded" in states.values() else [0],
    }
    return {
        "faults": dict(faults),
        "runs": {
            "accepted": len(accepted),
            "ended": len(ended),
            **dict(sorted(Counter(states.values()).items())),
            "of networks deleted since": len(deleted),
            "trained to the end, deleted ones too": len(trained),
            "attempts": left["attempts"],
            "attempts cut off": len(left["cut_off"]),
            "trainings that went on from a checkpoint": len(re.findall(f"{RUN} goes on after epoch", logs)),
            "lost": len(left["open"]) + len(gone),
            "doubled": len(doubled),
            "orphan files": len(left["orphans"]),
            "orphan files before the sweep": left["orphans_before_the_sweep"],
        },
        "answers": {str(status): count for status, count in sorted(_answers(clients).items())},
        "errors": dict(Counter(_without_numbers(why) for why in left["errors"])),
        "failures": [f"{what}: {found[:5]}" for what, found in checks.items() if found],
    }


def is_told(error: str, faults: Mapping[str, int]) -> bool:
    """Tell whether the error of a failed run says that it was cut off too often, or that a disk was full that was."""
    return _is_of(error, [FAILED, *([DISK] if faults.get(FULL) else [])])


def _is_of(text: str, patterns: Sequence[str]) -> bool:
    return any(re.fullmatch(pattern, text, re.DOTALL) for pattern in patterns)


def _answers(clients: Sequence[Client]) -> Counter[int]:
    return sum((client.answers for client in clients), Counter())


def _without_numbers(error: str) -> str:
    return re.sub(r"its worker \S+", "its worker", re.sub(r"\b\d+ s\b", "some time", error))


def report(result: Mapping[str, Any]) -> None:
    """Print the campaign."""
    faults, runs = result["faults"], result["runs"]
    print_table(["fault", "times"], [*sorted(faults.items()), ("all", sum(faults.values()))])
    print()
    print_table(["runs", ""], list(runs.items()))
    print(f"\nslowest: {result['slowest seconds']}; answers: {result['answers']}; {result['seconds']} s")
    for failure in result["failures"]:
        print(f"BROKEN: {failure}")
