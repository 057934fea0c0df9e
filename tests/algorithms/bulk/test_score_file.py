import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from algorithms.artifacts import verify_artifact
from algorithms.bulk import BatchScorer, files
from algorithms.errors import DataError
from algorithms.jobs import ScoreFileJob
from algorithms.tables import reader
from tests.algorithms.bulk.conftest import machine_rows


@pytest.fixture
def small_blocks(monkeypatch):
    """Have Parquet read 64 rows at a time, and CSV batches stay as they come."""
    monkeypatch.setattr(files, "block_rows", lambda columns: 64)
    monkeypatch.setattr(reader, "MIN_LARGE_BYTES", 1)


def test_every_row_has_its_score_in_the_order_of_the_file(score, trained, frame, small_blocks):
    scored = score(frame, keep=("id",))
    expected = BatchScorer(trained)(frame)
    assert list(scored.parquet.columns) == [
        "row", "id", "score", "percentile", "anomaly",
        "driver_1", "driver_1_share", "driver_2", "driver_2_share", "driver_3", "driver_3_share",
    ]  # fmt: skip
    assert scored.parquet["row"].tolist() == list(range(600))
    assert scored.parquet["id"].tolist() == frame["id"].tolist()
    assert np.array_equal(scored.parquet["score"], expected["score"])
    assert np.array_equal(scored.parquet["score"], np.load(scored.artifact / "score.npy"))


def test_the_drivers_are_the_columns_with_the_largest_contributions(score, trained, frame):
    parquet = score(frame).parquet
    contributions = BatchScorer(trained)(frame).filter(like="contribution.")
    largest = np.sort(contributions.to_numpy(), axis=1)[:, ::-1]
    for place in (1, 2, 3):
        share = parquet[f"driver_{place}_share"] * parquet["score"]
        assert np.allclose(share, largest[:, place - 1], rtol=1e-5)
        named = [contributions.loc[row, f"contribution.{name}"] for row, name in enumerate(parquet[f"driver_{place}"])]
        assert np.allclose(named, largest[:, place - 1])


def test_the_artifact_vouches_for_all_its_files_and_nothing_is_left_beside_it(score, frame):
    scored = score(frame, keep=("id",), sample_rows=5)
    manifest = verify_artifact(scored.artifact)
    assert set(manifest["files"]) == {
        "scores.parquet", "score.npy", "percentile.npy", "anomaly.npy", "drivers.npy", "shares.npy", "order.npy",
        "kept.0.npy", "kept.0.offsets.npy", "summary.json", "tally.json", "sample.json",
    }  # fmt: skip
    assert sorted(path.name for path in scored.artifact.parent.iterdir()) == ["artifact", "rows.parquet"]


@pytest.mark.parametrize("rows", [1, 7, 64, 250, 600])
def test_in_one_piece_or_in_blocks_the_scores_are_the_same_bits(score, frame, monkeypatch, rows):
    whole = score(frame)
    monkeypatch.setattr(files, "block_rows", lambda columns: rows)
    blocks = score(frame, threads=2)
    for name in ("score", "percentile", "anomaly", "drivers", "shares", "order"):
        assert np.array_equal(np.load(whole.artifact / f"{name}.npy"), np.load(blocks.artifact / f"{name}.npy")), name
    assert whole.summary["top"] == blocks.summary["top"]


def test_a_csv_file_is_scored_as_the_parquet_file_with_its_rows(score, frame, small_blocks):
    csv, parquet = score(frame, "csv", keep=("id", "heat")), score(frame, keep=("id", "heat"))
    for name in ("score", "percentile", "anomaly", "drivers", "shares", "order"):
        assert np.array_equal(np.load(csv.artifact / f"{name}.npy"), np.load(parquet.artifact / f"{name}.npy")), name
    assert csv.parquet["heat"].equals(parquet.parquet["heat"])
    assert csv.summary["missing"] == parquet.summary["missing"]


def test_the_encoding_and_the_delimiter_of_a_csv_file_are_found_or_taken(score, frame, tmp_path):
    frame = frame.assign(site="울산")
    scores = score(frame)
    frame.to_csv(tmp_path / "korean.csv", index=False, sep=";", encoding="cp949")
    for options in ({}, {"encoding": "cp949", "delimiter": ";"}):
        found = score(tmp_path / "korean.csv", "csv", **options)
        assert np.array_equal(np.load(found.artifact / "score.npy"), np.load(scores.artifact / "score.npy"))


def test_the_summary_counts_and_shows_the_most_anomalous(score, frame, trained):
    expected = BatchScorer(trained)(frame)
    scored = score(frame, keep=("id",), value=np.quantile(expected["score"], 0.9))
    summary, anomalies = scored.summary, 60
    assert (summary["detector"], summary["rows"], summary["anomalies"]) == ("autoencoder", 600, anomalies)
    assert scored.finished == {
        "artifact": "artifact",
        "rows": 600,
        "anomalies": anomalies,
        "threshold": summary["threshold"],
    }
    assert summary["missing"] == {"state": 20, "heat": 20}
    assert summary["unseen"] == summary["changed"] == {}
    assert summary["score"]["max"] == expected["score"].max()
    assert summary["score"]["quantiles"]["0.5"] == pytest.approx(np.median(expected["score"]))
    assert sum(summary["contributions"].values()) == pytest.approx(summary["score"]["mean"])
    highest = np.argsort(-expected["score"].to_numpy(), kind="stable")[:10]
    assert [row["row"] for row in summary["top"]] == highest.tolist()
    first = summary["top"][0]
    assert first["values"]["id"] == frame["id"][highest[0]]
    assert first["score"] == summary["score"]["max"]
    assert first["expected"].keys() == first["contributions"].keys()
    assert sum(first["contributions"].values()) == pytest.approx(first["score"])


def test_the_sample_is_evenly_chosen_and_does_not_depend_on_the_blocks(score, frame, monkeypatch):
    whole = json.loads((score(frame, sample_rows=40).artifact / "sample.json").read_text())
    monkeypatch.setattr(files, "block_rows", lambda columns: 23)
    sample = json.loads((score(frame, sample_rows=40).artifact / "sample.json").read_text())
    assert sample == whole
    rows = [each["row"] for each in sample]
    assert len(rows) == 40
    assert set(np.diff(rows)) <= {8, 16, 24}
    assert [len(each["contributions"]) for each in sample] == [3] * 40
    assert sample[1]["values"]["heat"] == pytest.approx(frame["heat"][rows[1]])


def test_the_tally_is_that_of_all_rows(score, frame, small_blocks):
    scored = score(frame)
    tally = json.loads((scored.artifact / "tally.json").read_text())
    assert (tally["rows"], tally["anomalies"]) == (600, scored.summary["anomalies"])


def test_the_k_highest_rows_of_the_file_are_the_anomalies(score, frame, small_blocks):
    scored = score(frame, rule={"rule": "top_k", "top_k": 7}, value=None)
    highest = scored.parquet.sort_values(["score", "row"], ascending=[False, True])
    assert scored.finished["anomalies"] == 7
    assert sorted(highest["row"][:7]) == scored.parquet["row"][scored.parquet["anomaly"]].tolist()


def test_the_false_discovery_rate_flags_the_rows_that_training_did_not_have(score, frame, small_blocks):
    planted = frame.assign(heat=frame["heat"].where(frame.index % 4 != 3, 1e6))
    scored = score(planted, rule={"rule": "fdr", "fdr": 0.1}, value=None)
    found = scored.parquet.index[scored.parquet["anomaly"]]
    assert set(range(3, 600, 4)) <= set(found)
    assert len(found) < 200


def test_unseen_categories_are_scored_counted_and_told(score, frame):
    frame = frame.assign(state=frame["state"].where(frame.index % 10 != 0, "melting"))
    for file_format in ("parquet", "csv"):
        scored = score(frame, file_format)
        assert scored.summary["unseen"] == {"state": 60}
        assert np.isfinite(scored.parquet["score"]).all()
        [notice] = [event["message"] for event in scored.events if event["event"] == "notice"]
        assert "state has a value that was not seen in training, or rarely, in 60 of 600 rows (10 %)" in notice
        assert scored.summary["notices"] == [notice]


def test_a_column_that_no_longer_has_its_only_value_is_told_of(score, frame):
    for file_format in ("parquet", "csv"):
        scored = score(frame.assign(site=["Ulsan"] * 500 + ["Busan"] * 100), file_format)
        assert scored.summary["changed"] == {"site": 100}
        assert any("site was 'Ulsan' in every training row" in notice for notice in scored.summary["notices"])


def test_a_model_of_an_earlier_release_scores_without_percentiles_and_says_so(score, frame, artifact):
    scored = score(frame, artifact=artifact)
    assert scored.parquet["percentile"].isna().all()
    assert {row["percentile"] for row in scored.summary["top"]} == {None}
    assert not (scored.artifact / "percentile.npy").exists()
    assert not (scored.artifact / "tally.json").exists()
    assert any("train it again to have percentiles and drift" in notice for notice in scored.summary["notices"])


def test_a_rule_that_needs_what_an_earlier_release_did_not_keep_is_refused(score, frame, artifact, nothing_left):
    with pytest.raises(DataError, match="train the model again, or choose another rule"):
        score(frame, artifact=artifact, rule={"rule": "fdr", "fdr": 0.1}, value=None)


def test_progress_tells_rows_speed_and_the_time_left(score, frame, small_blocks):
    for file_format in ("parquet", "csv"):
        events = score(frame, file_format).events
        assert [event["name"] for event in events if event["event"] == "stage"] == ["read", "score", "write"]
        heard = [event for event in events if event["event"] == "progress"]
        assert [event["percent"] for event in heard] == sorted(event["percent"] for event in heard)
        assert heard[0].keys() >= {"percent", "rows", "rows_per_second", "seconds_left"}
        assert (heard[-1]["percent"], heard[-1]["rows"]) == (100.0, 600)


def cut(path, share=0.5):
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])


def unfinished_quote(path):
    path.write_text(path.read_text() + '"M-600,Ulsan,idle')


def damaged(path):
    content = bytearray(path.read_bytes())
    column = pq.read_metadata(path).row_group(0).column(6)
    content[column.data_page_offset : column.data_page_offset + 64] = b"\xff" * 64
    path.write_bytes(content)


BAD_FILES = {
    "empty": ("csv", lambda path: path.write_text(""), "the file is empty"),
    "only a header": ("csv", lambda path: path.write_text("a,b\n"), "a header line but no data rows"),
    "a last row cut short": ("csv", cut, r"row \d+ has \d cells, the header has 9"),
    "cut in a quoted cell": ("csv", unfinished_quote, "row 601 opens a quote that is never closed"),
    "an empty Parquet file": ("parquet", lambda path: path.write_bytes(b""), "cannot be read as a Parquet file"),
    "no Parquet file": ("parquet", lambda path: path.write_text("a,b\n1,2\n"), "cannot be read as a Parquet file"),
    "a Parquet file cut off": ("parquet", cut, "the file cannot be read as a Parquet file"),
    "a damaged Parquet file": ("parquet", damaged, "the file is damaged: nothing can be read after row"),
}


@pytest.mark.parametrize(("file_format", "spoil", "message"), BAD_FILES.values(), ids=BAD_FILES)
@pytest.mark.usefixtures("nothing_left", "small_blocks")
def test_a_file_that_is_no_table_says_why_and_leaves_nothing(score, frame, tmp_path, file_format, spoil, message):
    path = tmp_path / f"rows.{file_format}"
    frame.to_csv(path, index=False) if file_format == "csv" else frame.to_parquet(path)
    if spoil is cut and file_format == "csv":  # within a row
        path.write_bytes(path.read_bytes().rstrip().rpartition(b",")[0])
    else:
        spoil(path)
    with pytest.raises(DataError, match=message) as raised:
        score(path, file_format, keep=("id",), threads=2)
    assert "file" in raised.value.errors


def test_a_parquet_file_without_rows_is_refused(score, frame, nothing_left):
    with pytest.raises(DataError, match="the file has no rows to score"):
        score(frame[:0])


UNFIT = {
    "a column less": (lambda frame: frame.drop(columns=["day", "heat"]), {}, "the file lacks heat, day"),
    "a text less": (lambda frame: frame.drop(columns=["state"]), {}, "the file lacks state"),
    "numbers that are text": (
        lambda frame: frame.assign(heat=["hot"] * 600),
        {},
        "column heat: row 1 has 'hot', the model was trained on numbers",
    ),
    "dates that are text": (
        lambda frame: frame.assign(day=["2024-01-01"] * 599 + ["someday"]),
        {},
        "column day: row 600 has 'someday', the model was trained on dates",
    ),
    "infinite": (
        lambda frame: frame.assign(count=frame["count"].where(frame.index != 99, np.inf)),
        {},
        "column count: row 100 ",
    ),
    "an unknown column to keep": (lambda frame: frame, {"keep": ("name",)}, "keep: no such column: name"),
    "a column called as a score": (
        lambda frame: frame.assign(percentile=1),
        {"keep": ("id", "percentile")},
        "keep: percentile is what a column of the scores is called",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "options", "message"), UNFIT.values(), ids=UNFIT)
@pytest.mark.parametrize("file_format", ["csv", "parquet"])
@pytest.mark.usefixtures("nothing_left", "small_blocks")
def test_rows_that_do_not_fit_the_model_are_refused_by_column_row_and_value(
    score, frame, file_format, change, options, message
):
    with pytest.raises(DataError, match=message):
        score(change(frame), file_format, threads=2, **options)


@pytest.mark.usefixtures("nothing_left", "small_blocks")
def test_one_cell_of_text_among_numbers_is_named(score, frame):
    cells = frame["heat"].astype(object).where(frame.index != 555, "hot")
    with pytest.raises(DataError, match="column heat: row 556 has 'hot', the model was trained on numbers") as raised:
        score(frame.assign(heat=cells), "csv", threads=2)
    assert list(raised.value.errors) == ["heat"]


@pytest.mark.usefixtures("nothing_left")
def test_a_column_that_is_there_twice_is_refused_where_it_is_used(score, frame, tmp_path):
    table = pa.Table.from_pandas(frame)
    pq.write_table(table.append_column("heat", table["heat"]), tmp_path / "twice.parquet")
    with pytest.raises(DataError, match="column heat is there twice"):
        score(tmp_path / "twice.parquet")
    frame.assign(other=1).rename(columns={"other": "heat"}).to_csv(tmp_path / "twice.csv", index=False)
    with pytest.raises(DataError, match="more than one column is named heat"):
        score(tmp_path / "twice.csv", "csv")


def test_columns_that_nobody_needs_may_be_anything(score, frame, tmp_path):
    table = pa.Table.from_pandas(frame)
    others = table.append_column("nested", pa.array([[1]] * 600)).append_column("id", table["id"])
    pq.write_table(others, tmp_path / "others.parquet")
    assert score(tmp_path / "others.parquet").finished["rows"] == 600


def test_text_may_come_as_whole_numbers_or_as_a_dictionary(score, frame, tmp_path):
    scores = np.load(score(frame).artifact / "score.npy")
    others = frame.assign(batch=frame["batch"].astype(np.int64), state=frame["state"].astype("category"))
    assert np.array_equal(np.load(score(others).artifact / "score.npy"), scores)


def test_missing_cells_are_scored_as_missing_whatever_they_are_written_as(score, frame, tmp_path):
    scores = np.load(score(frame, "csv").artifact / "score.npy")
    frame.to_csv(tmp_path / "na.csv", index=False, na_rep="N/A")
    assert np.array_equal(np.load(score(tmp_path / "na.csv", "csv").artifact / "score.npy"), scores)


def test_memory_does_not_grow_with_the_file(trained, tmp_path):
    program = (
        "import resource, sys; from pathlib import Path; from algorithms.__main__ import main\n"
        "code = main(['score_file', sys.argv[1]])\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr); sys.exit(code)"
    )
    megabytes = []
    for times in (200, 800):
        folder = tmp_path / str(times)
        folder.mkdir()
        table = pa.concat_tables([pa.Table.from_pandas(machine_rows())] * times).combine_chunks()
        pq.write_table(table, folder / "rows.parquet", row_group_size=len(table))
        ScoreFileJob(
            artifact=trained, workflow_type="autoencoder_csv", source=folder / "rows.parquet", format="parquet",
            verdict={"rule": {"rule": "fixed"}, "value": 0.5}, keep=("id",),
        ).write(folder)  # fmt: skip
        done = subprocess.run([sys.executable, "-c", program, folder], capture_output=True, text=True, check=True)
        megabytes.append(int(done.stderr.split()[-1]) / 1e3)
        assert len(pd.read_parquet(folder / "artifact" / "scores.parquet", columns=["row"])) == 600 * times
    # What is held of each row: its score, its rank, its verdict.
    assert megabytes[1] < megabytes[0] + 100, "the larger one has 360,000 rows more, 30 MB of them in memory"
