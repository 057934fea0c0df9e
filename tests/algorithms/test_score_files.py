import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from algorithms import score_files
from algorithms.score_files import NodeScores, write_scores


def scored(labels=None):
    contributions = np.array([[1.0, 2.0], [0.5, 0.25], [2.0, 4.0], [2.5, 0.5]], np.float32)
    return NodeScores(contributions.sum(axis=1).astype(np.float64), contributions, labels)


def test_the_order_falls_and_keeps_rows_of_equal_score_in_order():
    assert scored().order().tolist() == [2, 0, 3, 1]


def test_arrays_are_written_for_paging(tmp_path):
    write_scores(tmp_path, "datasrc", scored(np.array([0, 0, 1, 0], np.int8)), 2.0, ["a", "b"])
    assert np.load(tmp_path / "scores.datasrc.npy").tolist() == [3.0, 0.75, 6.0, 3.0]
    assert np.load(tmp_path / "order.datasrc.npy").tolist() == [2, 0, 3, 1]
    assert np.load(tmp_path / "contributions.datasrc.npy").dtype == np.float32
    assert np.load(tmp_path / "labels.datasrc.npy").tolist() == [0, 0, 1, 0]


@pytest.mark.parametrize("rows_at_once", [3, 65_536])
def test_parquet_holds_everything_row_by_row(tmp_path, monkeypatch, rows_at_once):
    monkeypatch.setattr(score_files, "ROWS_AT_ONCE", rows_at_once)
    write_scores(tmp_path, "evaldata", scored(np.array([0, 0, 1, 0], np.int8)), 2.0, ["a", "score"])
    table = pq.read_table(tmp_path / "scores.evaldata.parquet").to_pydict()
    assert table == {
        "row": [0, 1, 2, 3],
        "score": [3.0, 0.75, 6.0, 3.0],
        "anomaly": [True, False, True, True],
        "label": [0, 0, 1, 0],
        "contribution.a": [1.0, 0.5, 2.0, 2.5],
        "contribution.score": [2.0, 0.25, 4.0, 0.5],
    }


def test_columns_of_the_data_may_be_called_as_those_of_the_file(tmp_path):
    names = ["row", "score", "anomaly", "label", "contribution.row"]
    contributions = np.arange(10, dtype=np.float32).reshape(2, 5)
    node = NodeScores(contributions.sum(axis=1).astype(np.float64), contributions, np.array([0, 1], np.int8))
    write_scores(tmp_path, "datasrc", node, 20.0, names)
    table = pq.read_table(tmp_path / "scores.datasrc.parquet")
    assert table.column_names == ["row", "score", "anomaly", "label", *(f"contribution.{name}" for name in names)]
    assert table["score"].to_pylist() == [10.0, 35.0]
    assert table["label"].to_pylist() == [0, 1]
    assert table["contribution.row"].to_pylist() == [0.0, 5.0]
    assert table["contribution.contribution.row"].to_pylist() == [4.0, 9.0]


def test_without_labels_there_is_no_label_file_and_the_column_is_null(tmp_path):
    write_scores(tmp_path, "datasrc", scored(), 2.0, ["a", "b"])
    assert not (tmp_path / "labels.datasrc.npy").exists()
    assert pq.read_table(tmp_path / "scores.datasrc.parquet")["label"].to_pylist() == [None] * 4


def test_other_columns_may_say_which_row_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(score_files, "ROWS_AT_ONCE", 3)
    names = np.array(["k", "l", "m", "n"])
    write_scores(tmp_path, "datasrc.u", scored(), 2.0, ["a", "b"], {"u": (pa.string(), lambda rows: names[rows])})
    table = pq.read_table(tmp_path / "scores.datasrc.u.parquet")
    assert table.column_names == ["u", "score", "anomaly", "label", "contribution.a", "contribution.b"]
    assert table["u"].to_pylist() == ["k", "l", "m", "n"]
    assert table["score"].to_pylist() == [3.0, 0.75, 6.0, 3.0]
