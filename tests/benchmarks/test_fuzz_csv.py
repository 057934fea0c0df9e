"""A seeded part of the fuzz of the CSV reader (`bin/bench fuzz_csv` has the whole)."""

import sys
from typing import Any

import pytest

from benchmarks import fuzz_csv
from benchmarks.fuzz_csv import campaign, convert_one


def test_no_file_crashes_the_reader_holds_it_up_or_leaves_half_a_table():
    found = campaign(2_000, seed=1_000_000)
    assert found["wrong"] == []
    assert found["inputs"] >= 2_000
    assert set(found["by_kind"]) >= {"changed read", "changed refused", "tokens read", "long read", "soup refused"}


def test_a_wrong_end_is_told(tmp_path):
    (tmp_path / "left.part").touch()
    assert convert_one(tmp_path, b"", {}) == ("refused", "refused without a reason, or left ['in.csv', 'left.part']")


def test_a_process_that_hangs_or_dies_is_wrong_and_ends_the_campaign(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fuzz_csv, "CHUNK_SECONDS", 1.0)
    monkeypatch.setattr(fuzz_csv, "MORE", 0)
    start = fuzz_csv.subprocess.Popen

    def hang_or_die(command: list[str], **options: Any) -> Any:
        doing = "import time; time.sleep(60)" if command[-2] == "0" else "raise SystemExit(3)"
        return start([sys.executable, "-c", doing], **options)

    monkeypatch.setattr(fuzz_csv.subprocess, "Popen", hang_or_die)
    found = campaign(fuzz_csv.CHUNK, seed=0)
    assert found["wrong"] == ["seed 0: the process had not ended after 1 s", "seed 1: the process ended with 3"]
    assert found["inputs"] == 0
