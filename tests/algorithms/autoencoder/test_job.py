import io
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from algorithms.artifacts import verify_artifact
from algorithms.autoencoder import spool
from algorithms.autoencoder.job import fit
from algorithms.errors import DataError
from algorithms.events import EventStream
from algorithms.jobs import FitJob
from algorithms.scorer import Scorer
from tests.algorithms.contract import steel

QUICK = {"n_hidden": [6, 2], "iter": 4, "examples_to_show": 3}
ANOMALIES = (5, 77, 150)


def write_table(path, rows=240, *, label=True):
    """Write rows of steel with an id and three planted anomalies."""
    columns = dict(steel(rows).columns)
    weight = columns["weight"].copy()
    defect = np.zeros(rows)
    for row in (r for r in ANOMALIES if r < rows):
        weight[row] += 80
        defect[row] = 1
    labels = {"defect": defect} if label else {}
    pq.write_table(pa.table({"id": np.arange(rows) + 1000.0, **columns, "weight": weight, **labels}), path)
    return path


def run(folder, tables, memory_bytes=None, **parameters):
    stream = io.StringIO()
    job = FitJob(workflow_type="autoencoder_csv", tables=tables, parameters=parameters, memory_bytes=memory_bytes)
    finished = fit(job, folder, EventStream(stream, min_interval=0.0))
    result = json.loads((folder / "artifact" / "result.json").read_text())
    return finished, result, [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """Train with labels and evaluation data, once for the tests of this module."""
    folder = tmp_path_factory.mktemp("labelled")
    tables = {"datasrc": (write_table(folder / "a.parquet"),), "evaldata": (write_table(folder / "b.parquet", 100),)}
    feeder = {"exclude_column": ["id"], "label_column": "defect"}
    return folder, *run(folder, tables, feed_train=feeder, netconf_node={**QUICK, "iter": 60})


def test_the_summary_is_that_of_the_result(labelled):
    _, finished, result, _ = labelled
    assert finished["artifact"] == "artifact"
    assert finished["rows"] == {"train": 216, "held_out": 24, "datasrc": 240, "evaldata": 100}
    assert finished["metrics"] == result["metrics"]
    assert finished["threshold"] == result["threshold"]


def test_the_result_is_complete(labelled):
    _, _, result, _ = labelled
    assert result["detector"] == "autoencoder"
    assert result["columns"] == ["grade", "temperature", "weight"]
    assert result["metrics"]["evaluated_on"] == "evaldata"
    assert result["metrics"]["anomalies"] == 2
    assert result["threshold"]["rule"] == "contamination"
    assert [entry["epoch"] for entry in result["loss_history"]] == list(range(1, 61))
    assert result["settings"]["recipe"] == "contaminated"
    assert result["settings"]["epochs"] == 60
    assert result["seed"] == 0
    assert {"statistics", "encode", "setup", "train", "export", "score", "total"} <= result["timings"].keys()


def test_every_row_has_its_score_in_the_files(labelled):
    folder, _, _, _ = labelled
    artifact = folder / "artifact"
    for node, rows in (("datasrc", 240), ("evaldata", 100)):
        scores = np.load(artifact / f"scores.{node}.npy")
        assert scores.shape == (rows,)
        assert np.array_equal(np.sort(scores)[::-1], scores[np.load(artifact / f"order.{node}.npy")])
        assert np.load(artifact / f"contributions.{node}.npy").sum(axis=1) == pytest.approx(scores, rel=1e-5)
        assert np.flatnonzero(np.load(artifact / f"labels.{node}.npy")).tolist() == [r for r in ANOMALIES if r < rows]
        assert pq.read_table(artifact / f"scores.{node}.parquet")["score"].to_pylist() == scores.tolist()


def test_the_top_anomalies_carry_their_values_shares_and_what_was_expected(labelled):
    _, _, result, _ = labelled
    top = result["top_anomalies"]
    assert len(top) == 10
    assert {entry["row"] for entry in top[:3]} == set(ANOMALIES)
    first = top[0]
    assert first["anomaly"] is True
    assert first["label"] == 1
    assert first["values"]["id"] == 1000.0 + first["row"]
    assert next(iter(first["contributions"])) == "weight"
    assert list(first["contributions"].values()) == sorted(first["contributions"].values(), reverse=True)
    assert sum(first["contributions"].values()) == pytest.approx(first["score"], rel=1e-5)
    assert abs(first["expected"]["weight"] - first["values"]["weight"]) > 20


def test_examples_show_the_first_rows_beside_their_reconstruction(labelled):
    _, _, result, _ = labelled
    assert [example["row"] for example in result["examples"]] == [0, 1, 2]
    assert set(result["examples"][0]["reconstruction"]) == {"grade", "temperature", "weight"}


def test_the_artifact_is_whole_and_serves_the_same_scores(labelled):
    folder, _, result, _ = labelled
    assert {"model.onnx", "model.keras", "preprocess.json", "result.json"} <= set(
        verify_artifact(folder / "artifact")["files"]
    )
    scorer = Scorer.load(folder / "artifact")
    assert scorer.threshold == result["threshold"]["value"]
    top = result["top_anomalies"][0]
    assert scorer.score_rows([top["values"]])[0]["score"] == pytest.approx(top["score"], rel=1e-6)


def test_the_events_tell_the_stages_and_the_progress(labelled):
    *_, events = labelled
    assert [e["name"] for e in events if e["event"] == "stage"] == ["read", "prepare", "train", "score", "write"]
    progress = [e for e in events if e["event"] == "progress"]
    assert [e["percent"] for e in progress] == sorted(e["percent"] for e in progress)
    assert (progress[0]["epoch"], progress[0]["epochs"]) == (1, 60)
    assert {"loss", "val_loss", "rows_per_second", "seconds_left"} <= progress[0].keys()
    assert progress[-1]["percent"] == 100
    notices = [e["message"] for e in events if e["event"] == "notice"]
    assert any("label defect: '1' is the anomaly" in notice for notice in notices)


@pytest.fixture
def datasrc(tmp_path):
    return {"datasrc": (write_table(tmp_path / "a.parquet"),)}


def test_defaults_are_enough(tmp_path):
    tables = {"datasrc": (write_table(tmp_path / "a.parquet", 60, label=False),)}
    _, result, _ = run(tmp_path, tables)
    assert result["metrics"]["evaluated_on"] == "datasrc"
    assert result["rows"]["evaldata"] is None
    assert "roc_auc" not in result["metrics"]
    assert result["settings"]["hidden"] == [200, 100]


def test_the_evaluation_node_overrides_label_and_threshold(tmp_path, datasrc):
    evaluation = {"label_column": "defect", "threshold_rule": "best_f1"}
    _, result, _ = run(
        tmp_path, datasrc, feed_train={"exclude_column": ["id"]}, netconf_node=QUICK, eval_node=evaluation
    )
    assert result["threshold"]["rule"] == "best_f1"
    assert "defect" not in result["columns"]
    assert any("flatters" in notice for notice in result["notices"])
    assert any("the data trained on" in notice for notice in result["notices"])


def test_training_on_normal_rows_scores_all_rows(tmp_path, datasrc):
    feeder = {"label_column": "defect", "train_on": "normal", "exclude_column": ["id"]}
    _, result, _ = run(tmp_path, datasrc, feed_train=feeder, netconf_node=QUICK)
    assert result["rows"]["train"] + result["rows"]["held_out"] == 237
    assert result["rows"]["datasrc"] == 240
    assert result["settings"]["recipe"] == "clean"


def test_an_upload_of_normal_rows_only_trains_on_all_of_them(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({**steel(60).columns, "defect": np.zeros(60)}), path)
    feeder = {"label_column": "defect", "train_on": "normal"}
    _, result, _ = run(tmp_path, {"datasrc": (path,)}, feed_train=feeder, netconf_node=QUICK)
    assert result["rows"]["train"] + result["rows"]["held_out"] == 60
    assert result["metrics"]["roc_auc"] is None
    assert "label defect: '0' is its only value, so all rows are normal" in result["notices"]
    assert any("roc_auc and average_precision need both" in notice for notice in result["notices"])


def test_few_rows_train_with_a_notice(tmp_path):
    tables = {"datasrc": (write_table(tmp_path / "a.parquet", 5, label=False),)}
    _, result, _ = run(tmp_path, tables, netconf_node=QUICK)
    assert result["rows"]["held_out"] == 0
    assert any("only 5 rows" in notice for notice in result["notices"])
    assert len(result["top_anomalies"]) == 5


@pytest.mark.parametrize(
    ("parameters", "field", "message"),
    [
        ({"feed_train": {"label_column": "nope"}}, "label_column", "nope"),
        ({"feed_train": {"encode_column": ["nope"]}}, "encode_column", "nope"),
        ({"feed_train": {"label_column": "grade"}}, "grade", "3"),
    ],
)
def test_data_that_do_not_fit_leave_no_artifact_and_name_the_field(tmp_path, datasrc, parameters, field, message):
    with pytest.raises(DataError, match=message) as caught:
        run(tmp_path, datasrc, **{"netconf_node": QUICK, **parameters})
    assert field in caught.value.errors
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]


@pytest.fixture
def untrainable(monkeypatch):
    """A training that would fail the test: what is asked for must be refused before it."""
    monkeypatch.setattr("algorithms.autoencoder.detector.train", lambda *_, **__: pytest.fail("it was trained"))


def test_a_best_f1_without_labels_is_refused_before_the_training(tmp_path, datasrc, untrainable):
    with pytest.raises(DataError, match="'best_f1' needs labelled rows") as caught:
        run(tmp_path, datasrc, netconf_node=QUICK, eval_node={"threshold_rule": "best_f1"})
    assert list(caught.value.errors) == ["threshold_rule"]


def test_a_best_f1_of_one_class_is_refused_before_the_training(tmp_path, untrainable):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({**steel(60).columns, "defect": np.zeros(60)}), path)
    evaluation = {"threshold_rule": "best_f1", "label_column": "defect"}
    with pytest.raises(DataError, match="normal ones and anomalies"):
        run(tmp_path, {"datasrc": (path,)}, netconf_node=QUICK, eval_node=evaluation)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda columns: columns.pop("weight"), "evaldata: the data lack the column weight"),
        (
            lambda columns: columns.update(weight=np.array(["heavy"] * 40)),
            "evaldata: column weight was trained on numbers; row 1 has 'heavy'",
        ),
    ],
)
def test_evaluation_data_that_do_not_fit_are_refused_before_the_training(
    tmp_path, datasrc, untrainable, change, message
):
    columns = dict(steel(40).columns)
    change(columns)
    path = tmp_path / "b.parquet"
    pq.write_table(pa.table(columns), path)
    with pytest.raises(DataError, match=message) as caught:
        run(tmp_path, datasrc | {"evaldata": (path,)}, feed_train={"exclude_column": ["id", "defect"]})
    assert list(caught.value.errors) == ["weight"]


def test_evaluation_data_without_rows_are_refused_before_the_training(tmp_path, datasrc, untrainable):
    evaldata = {"evaldata": (write_table(tmp_path / "b.parquet", 0, label=False),)}
    with pytest.raises(DataError, match="evaldata: there are no rows to score") as caught:
        run(tmp_path, datasrc | evaldata, feed_train={"exclude_column": ["id", "defect"]})
    assert list(caught.value.errors) == ["file"]


def test_files_that_differ_are_named_with_their_node(tmp_path, datasrc, untrainable):
    files = (write_table(tmp_path / "b.parquet", 20), write_table(tmp_path / "c.parquet", 20, label=False))
    with pytest.raises(
        DataError, match="evaldata: file 2 of 2 does not have the columns of the first: it lacks defect"
    ):
        run(tmp_path, datasrc | {"evaldata": files})


def test_an_infinite_number_is_named_with_node_column_and_row_before_the_training(tmp_path, untrainable):
    path = tmp_path / "a.parquet"
    weights = np.array([1.0, np.inf] * 30)
    pq.write_table(pa.table({**steel(60).columns, "weight": weights}), path)
    with pytest.raises(DataError, match="datasrc: column weight: row 2 is infinite; correct the cell"):
        run(tmp_path, {"datasrc": (path,)})


def test_the_best_f1_is_found_on_the_first_node_that_has_both_classes(tmp_path, datasrc):
    path = tmp_path / "b.parquet"
    pq.write_table(pa.table({"id": np.arange(40.0), **steel(40).columns, "defect": np.zeros(40)}), path)
    evaluation = {"threshold_rule": "best_f1", "label_column": "defect"}
    _, result, _ = run(tmp_path, datasrc | {"evaldata": (path,)}, netconf_node=QUICK, eval_node=evaluation)
    assert result["threshold"]["rule"] == "best_f1"
    assert result["metrics"]["evaluated_on"] == "evaldata"
    assert not any("flatters" in notice for notice in result["notices"])


def test_the_log_tells_the_run(tmp_path, datasrc, caplog):
    caplog.set_level("INFO")
    netconf = {"n_hidden": [3], "iter": 90}
    run(tmp_path, datasrc, feed_train={"label_column": "defect"}, netconf_node=netconf)
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("algorithms")]
    assert lines[0] == (
        "datasrc has 240 rows and 5 columns: id (number), grade (text), temperature (number), weight (number),"
        " defect (number)"
    )
    assert any(line.startswith("settings: ") and '"epochs": 90' in line for line in lines)
    epochs = [line for line in lines if line.startswith("epoch ")]
    assert 10 <= len(epochs) <= 20
    assert epochs[0].startswith("epoch 1 of 90: loss ")
    assert epochs[-1].startswith("epoch 90 of 90: loss ")
    assert any(line.startswith("notice: label defect: '1' is the anomaly") for line in lines)
    assert any(line.startswith('threshold: {"value": ') for line in lines)
    assert any(line.startswith("metrics: ") and '"roc_auc": ' in line for line in lines)
    assert lines[-1].startswith("finished after ")


def test_settings_of_feed_test_that_are_not_used_are_named(tmp_path, datasrc):
    _, result, _ = run(
        tmp_path,
        datasrc,
        feed_train={"exclude_column": ["id"], "label_column": "defect"},
        feed_test={"label_column": "defect", "vocab_size": 3, "encode_column": ["weight"]},
        netconf_node=QUICK,
    )
    assert any("feed_test: not used: encode_column, vocab_size; " in notice for notice in result["notices"])


@pytest.mark.parametrize("memory_bytes", [None, 0], ids=["in memory", "streaming"])
def test_the_same_seed_gives_the_same_scores(tmp_path, memory_bytes):
    table = write_table(tmp_path / "a.parquet")
    scores = []
    for attempt in ("first", "second"):
        folder = tmp_path / attempt
        folder.mkdir()
        run(folder, {"datasrc": (table,)}, memory_bytes, netconf_node=QUICK)
        scores.append(np.load(folder / "artifact" / "scores.datasrc.npy"))
        assert [path.name for path in folder.iterdir()] == ["artifact"]
    assert np.array_equal(*scores)


def test_streaming_finds_what_training_in_memory_finds(tmp_path, monkeypatch, labelled):
    monkeypatch.setattr(spool, "CHUNK_ROWS", 50)  # several files
    _, _, in_memory, _ = labelled
    tables = {
        "datasrc": (write_table(tmp_path / "a.parquet"),),
        "evaldata": (write_table(tmp_path / "b.parquet", 100),),
    }
    feeder = {"exclude_column": ["id"], "label_column": "defect"}
    _, streamed, _ = run(tmp_path, tables, 0, feed_train=feeder, netconf_node={**QUICK, "iter": 60})
    assert streamed["rows"] == in_memory["rows"]
    assert (in_memory["rows_waited_in"], streamed["rows_waited_in"]) == ("memory", "files")
    assert streamed["metrics"]["roc_auc"] == pytest.approx(in_memory["metrics"]["roc_auc"], abs=0.05)
    assert streamed["loss_history"][-1]["loss"] == pytest.approx(in_memory["loss_history"][-1]["loss"], rel=0.2)
