"""A tenth of the fault campaign (`bin/bench faults`): what was accepted ends, once, and leaves nothing else behind."""

import os

from benchmarks.faults import campaign


def test_whatever_dies_no_run_is_lost_or_doubled_and_no_file_is_left_over() -> None:
    result = campaign(20, seed=4, servers=bool(os.environ.get("TEST_DATABASE_URL")))
    assert result["failures"] == []
    assert sum(result["faults"].values()) >= 20
    assert result["runs"]["accepted"] > 0
    assert result["runs"]["succeeded"] > 0
