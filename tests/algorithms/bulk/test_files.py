import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from algorithms.bulk import BatchScorer, files, score_parquet
from algorithms.errors import DataError


@pytest.fixture
def source(frame, tmp_path):
    frame.to_parquet(tmp_path / "rows.parquet", row_group_size=250)
    return tmp_path / "rows.parquet"


@pytest.fixture
def expected(artifact, frame):
    return BatchScorer(artifact)(frame)


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_scored_row_by_row_in_its_order(artifact, source, expected, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "block_rows", lambda columns: 64)
    heard = []
    summary = score_parquet(
        artifact, source, tmp_path / "out" / "rows.parquet", on_rows=lambda *rows: heard.append(rows)
    )
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "out" / "rows.parquet"), expected)
    assert summary == {"rows": 600, "anomalies": expected["anomaly"].sum(), "changed": {}}
    assert heard[0] == (64, 600)
    assert heard[-1] == (600, 600)
    assert names_in(tmp_path / "out") == ["rows.parquet"]


def test_only_what_is_used_or_kept_is_read_and_only_what_is_kept_written(artifact, source, expected, tmp_path):
    table = pq.read_table(source)
    pq.write_table(table.append_column("nested", pa.array([[1]] * len(table))), source)
    score_parquet(artifact, source, tmp_path / "out.parquet", keep=["id"])
    scored = pd.read_parquet(tmp_path / "out.parquet")
    assert list(scored.columns[:3]) == ["id", "score", "anomaly"]
    np.testing.assert_array_equal(scored["score"], expected["score"])
    score_parquet(artifact, source, tmp_path / "out.parquet")
    assert pq.read_table(tmp_path / "out.parquet")["nested"].to_pylist() == [[1]] * len(table)


def test_columns_that_no_longer_have_their_only_value_are_told_of_kept_or_not(artifact, source, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "block_rows", lambda columns: 64)
    frame = pd.read_parquet(source)
    frame.loc[500:, "site"] = "Busan"
    frame.to_parquet(source)
    assert score_parquet(artifact, source, tmp_path / "out.parquet", keep=["id"])["changed"] == {"site": 100}
    assert "site" not in pq.read_schema(tmp_path / "out.parquet").names


def test_a_name_may_be_as_long_as_the_disk_takes(artifact, source, tmp_path):
    target = tmp_path / f"{'n' * 247}.parquet"
    assert score_parquet(artifact, source, target)["rows"] == 600


def test_a_file_without_rows_is_scored_too(artifact, source, tmp_path):
    pq.write_table(pq.read_table(source).slice(0, 0), source)
    assert score_parquet(artifact, source, tmp_path / "out.parquet") == {"rows": 0, "anomalies": 0, "changed": {}}
    assert "score" in pq.read_schema(tmp_path / "out.parquet").names


def damaged(source):
    content = bytearray(source.read_bytes())
    middle = pq.read_metadata(source).row_group(1).column(5).data_page_offset
    content[middle : middle + 64] = b"\xff" * 64
    source.write_bytes(content)


def cut_off(source):
    source.write_bytes(source.read_bytes()[:-100])


def too_late(source):
    frame = pd.read_parquet(source)
    frame["heat"] = frame["heat"].where(frame.index != 555, np.inf)
    frame.to_parquet(source)


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (damaged, r"rows\.parquet is damaged: nothing can be read after row "),
        (cut_off, r"rows\.parquet cannot be read as a Parquet file: "),
        (lambda source: source.unlink(), r"rows\.parquet cannot be read as a Parquet file: "),
        (lambda source: source.write_text("a,b\n1,2\n"), r"rows\.parquet cannot be read as a Parquet file: "),
        (too_late, "column heat: row 556 is infinite"),
        (lambda source: pq.write_table(pq.read_table(source).drop(["day"]), source), "the data lack day"),
    ],
    ids=["damaged", "cut off", "gone", "no Parquet", "a bad cell late", "a column less"],
)
def test_a_file_that_cannot_be_scored_says_why_and_leaves_nothing(
    artifact, source, tmp_path, monkeypatch, break_it, message
):
    monkeypatch.setattr(files, "block_rows", lambda columns: 64)
    break_it(source)
    target = tmp_path / "out" / "rows.parquet"
    with pytest.raises(DataError, match=message):
        score_parquet(artifact, source, target)
    assert not target.parent.exists() or not names_in(target.parent)


def test_an_earlier_target_stays_whole_until_the_new_one_is(artifact, source, tmp_path):
    target = tmp_path / "out.parquet"
    target.write_text("earlier")
    cut_off(source)
    with pytest.raises(DataError):
        score_parquet(artifact, source, target)
    assert target.read_text() == "earlier"


def test_the_remains_of_killed_processes_go_those_of_busy_ones_and_files_of_others_stay(tmp_path):
    old, new, other = tmp_path / f".{'0a' * 16}.part", tmp_path / f".{'1b' * 16}.part", tmp_path / ".film.part"
    for path in (old, new, other):
        path.touch()
    os.utime(old, (0, 0))
    os.utime(other, (0, 0))
    with files.written_whole(tmp_path / "a.parquet") as file:
        file.write(b"x")
    assert names_in(tmp_path) == sorted([new.name, other.name, "a.parquet"])


def test_memory_does_not_grow_with_the_file_nor_with_its_row_groups(artifact, frame, tmp_path):
    program = (
        "import pyarrow, sys; from pathlib import Path; from algorithms.bulk import score_parquet\n"
        f"score_parquet(Path({str(artifact)!r}), *map(Path, sys.argv[1:]))\n"
        "print(pyarrow.default_memory_pool().max_memory())"
    )
    megabytes = []
    for times in (150, 900):
        table = pa.concat_tables([pa.Table.from_pandas(frame)] * times)
        for number in range(8):  # what does not compress
            table = table.append_column(f"noise {number}", pa.array(np.random.default_rng(number).random(len(table))))
        source = tmp_path / f"{times}.parquet"
        pq.write_table(table, source, row_group_size=len(table))
        command = [sys.executable, "-c", program, source, tmp_path / "out.parquet"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        megabytes.append(int(done.stdout) / 1e6)
    # Of each of the 17 columns a megabyte is read ahead, which the smaller file does not fill.
    assert megabytes[1] < megabytes[0] + 17, "the larger one has 30 MB more on disk, in one row group"
