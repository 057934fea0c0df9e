"""What a fault campaign calls broken."""

from typing import Any
from uuid import uuid4

import pytest

from benchmarks.fault_client import Client
from benchmarks.fault_report import is_told, judge

SUCCEEDED, CANCELLED, FAILED = (str(uuid4()) for _ in range(3))
LOGS = f"run {SUCCEEDED} has succeeded\nrun {FAILED} has failed: 3 attempts were cut off\n"
CUT_OFF = "3 attempts were cut off, no other follows. attempt 1: the fit process was killed (SIGKILL) by somebody; …"


def judged(logs: str = LOGS, *, runs: int = 3, faults: int = 1, deleted: tuple[str, ...] = (), **left: Any) -> Any:
    """Return the failures of a campaign with three runs, one of which its client cancelled."""
    client = Client("http://127.0.0.1:9", "n0", graph=False)
    client.accepted = [SUCCEEDED, CANCELLED, FAILED]
    client.cancelled = {CANCELLED}
    client.deleted = set(deleted)
    found = {
        "states": {SUCCEEDED: "succeeded", CANCELLED: "cancelled", FAILED: "failed"},
        "attempts": 5,
        "cut_off": ["its worker a:1:2 gave no sign of life for 9 s"] * 3,
        "open": [],
        "gone": [],
        "errors": [CUT_OFF],
        "broken": [],
        "orphans": [],
        "orphans_before_the_sweep": 0,
    }
    return judge([client], {"kill -9 of a training": faults}, found | left, logs, runs)


def test_a_campaign_in_which_every_run_ended_once_is_fine() -> None:
    result = judged()
    assert result["failures"] == []
    assert (result["runs"]["accepted"], result["runs"]["ended"], result["runs"]["doubled"]) == (3, 3, 0)


@pytest.mark.parametrize(
    ("logs", "run"),
    [
        (f"{LOGS}run {CANCELLED} has succeeded\n", CANCELLED),
        (f"{LOGS}run {SUCCEEDED} has succeeded\n", SUCCEEDED),
        (f"{LOGS}run {SUCCEEDED} has failed: lost\n", SUCCEEDED),
    ],
    ids=["cancelled and succeeded", "succeeded twice", "succeeded and failed"],
)
def test_a_run_that_ended_twice_is_doubled(logs: str, run: str) -> None:
    result = judged(logs)
    assert result["failures"] == [f"runs that ended twice: {[run]}"]
    assert result["runs"]["doubled"] == 1


def test_a_run_that_was_cancelled_and_has_a_model_is_found_without_the_logs() -> None:
    states = {SUCCEEDED: "succeeded", CANCELLED: "succeeded", FAILED: "failed"}
    assert judged("", states=states)["failures"] == [f"cancelled runs that went on: {[CANCELLED]}"]


def test_a_run_that_is_gone_or_goes_on_is_lost_unless_its_network_was_deleted() -> None:
    assert judged(gone=[FAILED])["failures"] == [f"accepted runs that are gone: {[FAILED]}"]
    assert judged(gone=[FAILED], deleted=(FAILED,))["failures"] == []
    assert judged(open=[FAILED], runs=2)["failures"] == [f"runs that have not ended: {[FAILED]}"]


def test_a_campaign_that_shows_too_little_is_broken() -> None:
    assert judged(runs=4)["failures"] == ["too few runs ended: [3]"]
    assert judged(states={FAILED: "failed"}, runs=1)["failures"] == ["no run ended with a model: [0]"]


def test_an_attempt_that_no_fault_cut_off_is_told() -> None:
    assert judged(cut_off=["the fit process ended with exit code 1 without a result; see its log"])["failures"]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (CUT_OFF, True),
        ("the disk that holds the job is full: free some space on it, or use fewer rows or columns", True),
        ("the service failed: OSError: cannot find the disk", False),
        ("2 attempts were cut off, no other follows. attempt 1: x", False),
    ],
)
def test_a_failure_must_say_what_fault_it_was(error: str, told: bool) -> None:
    assert is_told(error, {"the disk is full": 1}) is told
    assert not is_told("the disk that holds the job is full: free some space on it, or …", {})
