"""A seeded part of the fuzz of the CSV reader (`bin/bench fuzz_csv` has the whole)."""

from benchmarks.fuzz_csv import campaign, convert_one


def test_no_file_crashes_the_reader_holds_it_up_or_leaves_half_a_table():
    found = campaign(2_000, seed=1_000_000)
    assert found["wrong"] == []
    assert found["inputs"] >= 1_900
    assert set(found["by_kind"]) >= {"changed read", "changed refused", "tokens read", "long read", "soup refused"}


def test_a_wrong_end_is_told(tmp_path):
    (tmp_path / "left.part").touch()
    assert convert_one(tmp_path, b"", {}) == ("refused", "refused without a reason, or left ['in.csv', 'left.part']")
