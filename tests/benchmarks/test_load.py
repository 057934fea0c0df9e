"""What the load benchmark concludes from what it saw; `bin/bench load --quick` is the whole in little."""

from datetime import datetime

import pytest

from benchmarks.load import main
from benchmarks.load_requests import figures, script
from benchmarks.load_runs import Trained, not_once, summary

OUTPUT = """Running 10s test @ http://127.0.0.1:8000/
  1 threads and 16 connections
Requests/sec:    200.00
{"requests": 2000, "microseconds": 10000000, "p50": 61000, "p99": 120500, "max": 200000, "status": 3, "other": 1}
"""
ONE = {"id": "0f8fad5b-d9cb-469f-a165-70867728950e", "state": "succeeded", "attempts": 1, "error": ""}
DONE = f"12:00 INFO run {ONE['id']} has succeeded\n"


def test_without_wrk_it_says_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SystemExit, match="apt-get install -y wrk"):
        main([])


def test_rates_are_by_the_second_and_latencies_in_milliseconds():
    assert figures(OUTPUT) == {"requests/s": 200, "p50 ms": 61, "p99 ms": 120.5, "max ms": 200, "errors": 4}


def test_a_script_sends_the_body_as_it_is():
    written = script({"Accept": "application/json"}, '{"a": "\\"ü\\n"}')
    assert 'wrk.headers["Accept"] = "application/json"' in written
    assert r'wrk.body = "{\034a\034: \034\092\034\195\188\092n\034}"' in written
    assert "wrk.body" not in script({}, None)


def test_a_run_that_ended_once_is_no_error():
    assert not_once([[ONE]], DONE) == []


@pytest.mark.parametrize(
    ("runs", "logs", "said"),
    [
        ([], "", "0 runs of one version"),
        ([ONE], "", "finished 0 times"),
        ([ONE], DONE + DONE, "finished 2 times"),
        ([ONE | {"attempts": 2}], DONE, "attempt 2"),
        ([ONE | {"state": "failed", "error": "no room"}], "", "is failed: no room"),
    ],
)
def test_a_run_that_did_not_end_exactly_once_is_told(runs, logs, said):
    (error,) = not_once([runs], logs)
    assert said in error


def test_what_is_not_training_is_told_apart():
    def run(number, worker):
        began = 10.0 * number
        return Trained(0.0, began, began + 5, began + 7, began + 8, 1.5, f"host:{worker}:{number}")

    found = summary([run(3, 2), run(0, 1), run(1, 2), run(1, 1)])
    assert found["runs"] == 4
    assert found["seconds in all"] == 38
    assert found["a run holds a worker for, s"] == (18 + 28) / 4
    assert found["of it beyond the training, s"] == (18 + 28) / 4 - 1.5
    assert found["starting the training process, s"] == 5
    assert found["ending the run, s"] == 1
    assert found["from one run to the next, s"] == (2 + 12) / 2
    assert found["most from one run to the next, s"] == 12


def test_a_run_is_put_together_from_its_row_its_log_and_its_result():
    began = datetime(2026, 1, 2, 3, 4, 5).astimezone()
    row = {
        "created": began.isoformat(),
        "started": began.isoformat(),
        "finished": began.replace(second=9).isoformat(),
        "worker": "host:1:2",
    }
    lines = [
        "2026-01-02 03:04:07,250 INFO algorithms: datasrc has 4000 rows",
        "  a line without a time",
        "2026-01-02 03:04:08,500 INFO algorithms: finished after 1.0 s",
    ]
    trained = Trained.of(row, lines, {"timings": {"train": 0.5, "total": 1.2}})
    assert trained.first_line - trained.started == pytest.approx(2.25)
    assert trained.finished - trained.last_line == pytest.approx(0.5)
    assert trained.training == 1.2
