import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from algorithms.artifacts import write_artifact
from algorithms.bulk import BatchScorer
from algorithms.errors import ArtifactIncompatible, DataError
from algorithms.scorer import Scorer
from algorithms.serving import write_serving_files
from algorithms.tabular.table import Table


@pytest.fixture(scope="module")
def scorer(artifact):
    return BatchScorer(artifact)


@pytest.fixture(scope="module")
def arrow(frame):
    return pa.Table.from_pandas(frame, preserve_index=False)


def test_scores_are_those_of_the_scorer_in_the_order_of_the_rows(scorer, arrow, artifact, frame):
    served = Scorer.load(artifact)
    scores, contributions = served.score_table(Table.from_frame(frame))
    scored = scorer(arrow)
    assert scored.column_names == [
        *arrow.column_names,
        "score",
        "anomaly",
        *(f"contribution.{name}" for name in served.columns),
    ]
    assert scored.select(arrow.column_names) == arrow
    np.testing.assert_array_equal(scored["score"], scores)
    np.testing.assert_array_equal(scored["anomaly"], scores > served.threshold)
    assert 0 < scored["anomaly"].to_numpy().sum() < len(frame)
    np.testing.assert_array_equal(scored["contribution.heat"], contributions[:, served.columns.index("heat")])


@pytest.mark.parametrize("rows", [1, 2, 7, 64, 599])
def test_the_score_of_a_row_does_not_depend_on_its_batch(scorer, arrow, rows):
    parts = [scorer(arrow.slice(start, rows))["score"].to_numpy() for start in range(0, len(arrow), rows)]
    np.testing.assert_array_equal(np.concatenate(parts), scorer(arrow)["score"])


def test_a_data_frame_is_answered_with_a_data_frame_and_its_own_index(scorer, frame, arrow):
    part = frame.iloc[100:200]
    scored = scorer(part)
    pd.testing.assert_frame_equal(scored[frame.columns], part)
    np.testing.assert_array_equal(scored["score"], scorer(arrow)["score"][100:200])
    assert scored["contribution.heat"].dtype == np.float32


def test_frames_may_have_other_types_than_the_training(scorer, frame):
    other = frame.astype({"state": "category", "shift": "Int64", "batch": "int64", "count": "int16"})
    other["open"] = other["open"] == "true"
    other["day"] = other["day"].dt.tz_localize("UTC").dt.tz_convert("Asia/Seoul")
    np.testing.assert_array_equal(scorer(other)["score"], scorer(frame)["score"])


def test_a_record_batch_is_answered_with_a_record_batch(scorer, arrow):
    batch = arrow.to_batches()[0]
    assert isinstance(scorer(batch), pa.RecordBatch)
    assert pa.Table.from_batches([scorer(batch)]) == scorer(arrow)
    assert scorer(batch.slice(0, 0)).schema == scorer(batch).schema


def test_no_rows_are_answered_with_no_rows(scorer, arrow, frame):
    assert scorer(arrow.slice(0, 0)).schema == scorer(arrow).schema
    assert list(scorer(frame.iloc[:0]).columns) == list(scorer(frame).columns)


def test_only_the_columns_to_keep_are_answered(artifact, arrow, frame):
    keep = BatchScorer(artifact, keep=("id",))
    assert keep(arrow).column_names[:3] == ["id", "score", "anomaly"]
    assert list(keep(frame).columns[:3]) == ["id", "score", "anomaly"]
    with pytest.raises(DataError, match="no such column: nope"):
        BatchScorer(artifact, keep=("nope",))(arrow)


def test_a_column_to_keep_that_is_there_twice_is_refused_one_that_is_named_twice_is_kept_once(artifact, scorer, arrow):
    twice = arrow.append_column("id", arrow["id"])
    for keep in (BatchScorer(artifact, keep=["id"]), scorer):
        with pytest.raises(DataError, match="column id is there twice; rename one of them"):
            keep(twice)
    assert BatchScorer(artifact, keep=["day"])(twice).column_names[:2] == ["day", "score"]
    assert BatchScorer(artifact, keep=["id", "id"])(arrow).column_names[:2] == ["id", "score"]


def test_a_path_may_be_a_text_but_one_text_is_no_sequence_of_columns(artifact, scorer, arrow):
    assert BatchScorer(str(artifact)) == scorer
    with pytest.raises(TypeError, match=r"keep must be a sequence of names of columns, such as \('id',\)"):
        BatchScorer(artifact, keep="id")


def test_rows_are_counted_in_which_a_column_no_longer_has_its_only_value(scorer, arrow):
    assert scorer.changed(arrow) == {}
    site = arrow.column_names.index("site")
    sites = pa.array(["Ulsan"] * 599 + ["Busan"])
    assert scorer.changed(arrow.set_column(site, "site", sites)) == {"site": 1}
    assert scorer.changed(arrow.drop(["site"])) == {}


def test_a_column_that_is_called_like_one_of_the_scores_must_not_be_kept(artifact, scorer, arrow):
    rescored = arrow.append_column("score", pa.array(np.zeros(len(arrow))))
    with pytest.raises(DataError, match="column score is what a column of the scores is called; rename it"):
        scorer(rescored)
    assert BatchScorer(artifact, keep=("id",))(rescored)["score"] == scorer(arrow)["score"]


def test_a_cell_that_does_not_fit_is_named_by_its_row_in_the_batch(scorer, frame):
    frame = frame.assign(heat=frame["heat"].astype(object))
    frame.loc[frame.index[5], "heat"] = "hot"
    with pytest.raises(DataError, match="column heat has values of different kinds"):
        scorer(frame)
    with pytest.raises(DataError, match="column heat: row 6 has 'hot', the model was trained on numbers"):
        scorer(frame.assign(heat=[None] * 5 + ["hot"] + [None] * (len(frame) - 6)))


def test_what_is_no_batch_is_refused(scorer):
    with pytest.raises(TypeError, match="an Arrow table or a pandas data frame, not list"):
        scorer([{"state": "idle"}])


def test_it_travels_to_other_processes_as_a_path(scorer, arrow):
    scorer(arrow)
    pickled = pickle.dumps(scorer)
    assert len(pickled) < 500
    assert pickle.loads(pickled)(arrow) == scorer(arrow)


def test_a_process_loads_the_model_once(scorer, artifact):
    assert pickle.loads(pickle.dumps(scorer)).scorer is scorer.scorer


def test_the_model_of_a_graph_is_refused(tmp_path):
    with write_artifact(tmp_path / "graph") as folder:
        write_serving_files(folder, b"", {"thresholds": {}, "encoder": None})
    with pytest.raises(ArtifactIncompatible, match="parts of a graph"):
        BatchScorer(tmp_path / "graph")(pa.table({"a": [1]}))


def test_scoring_batches_imports_no_training_library(artifact, arrow, tmp_path):
    program = f"""
import sys, pickle
from pathlib import Path
from algorithms.bulk import BatchScorer
import pyarrow as pa
BatchScorer(Path({str(artifact)!r})).added
heavy = ("tensorflow", "keras", "torch", "sklearn", "onnx")  # pyarrow looks for pandas by itself
print([name for name in heavy if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
