import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from algorithms.artifacts import verify_artifact
from algorithms.errors import DataError
from algorithms.events import EventStream
from algorithms.graphbean.detector import GraphBEANDetector
from algorithms.graphbean.job import fit
from algorithms.graphbean.score_files import StoredPart, file_of, mapped
from algorithms.graphbean.scorer import GraphScorer
from algorithms.jobs import ConvertJob, FitJob
from algorithms.tables.convert import convert

PROJECT = Path(__file__).parents[3]
FEEDER = {
    "u_column": "person",
    "v_column": "clinic",
    "count_distinct": ["claim"],
    "numeric_columns": ["amount"],
    "encode_column": ["kind"],
    "label_column": "fraud",
}
QUICK = {"hidden_channels": 4, "latent_channels": 4, "edge_pred_latent": 4, "iter": 5}
SHARED = [
    "distinct claim",
    "sum amount",
    "mean amount",
    *(f"share kind={kind}" for kind in "acb"),
    "share kind=(other)",
]


def claims(rows=300, *, seed=0, **more):
    """Return CSV lines: persons at clinics at random; P07 and P08 defraud with C19, who see nobody else."""
    rng = np.random.default_rng(seed)
    lines = ["claim,person,clinic,amount,kind,fraud,note"]
    for i in range(rows):
        person, clinic = rng.integers(10, 60), rng.integers(19)
        kind = "abc"[person % 3]
        lines.append(f"{i},P{person},C{clinic},{rng.normal(100 + clinic, 3):.2f},{kind},no,")
    lines += [f"{rows + i},P07,C19,{5000 + i},a,yes," for i in range(12)]
    lines += [f"{rows + i},P08,C19,{5000 + i},a,yes," for i in range(12, 15)]
    lines += [f"{rows + 15},P10,,1,a,,", f"{rows + 16},,C1,1,a,,", f"{rows + 17},,,1,a,,"]  # they need no label
    return [*lines, *more.get("lines", ())]


def table(folder, name, lines):
    """Convert CSV lines as an upload is; return the Parquet file."""
    source, parquet = folder / f"{name}.csv", folder / f"{name}.parquet"
    source.write_text("\n".join(lines) + "\n")
    convert(ConvertJob(source=source, parquet=parquet))
    return parquet


def run(folder, tables, **parameters):
    """Run a job in this process; return the result and the events."""
    stream = io.StringIO()
    fit(FitJob(workflow_type="graphbean_csv", tables=tables, parameters=parameters), folder, EventStream(stream, 0.0))
    result = json.loads((folder / "artifact" / "result.json").read_text())
    return result, [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Train in a child process, with labels, evaluation data and planted anomalies, for the tests of this module."""
    folder = tmp_path_factory.mktemp("finished")
    tables = {
        "datasrc": (table(folder, "a", claims()),),
        "evaldata": (table(folder, "b", claims(100, seed=1)),),
    }
    injection = {"num_group": 2, "num_nodes_range": [1, 4]}
    netconf = {**QUICK, "iter": 40, "inject_anomalies": injection}
    job = FitJob(
        workflow_type="graphbean_csv", tables=tables, parameters={"feed_train": FEEDER, "netconf_node": netconf}
    )
    job.write(folder)
    command = [sys.executable, "-m", "algorithms", "fit", str(folder)]
    process = subprocess.run(command, check=False, cwd=PROJECT, capture_output=True, text=True, timeout=120)
    assert process.returncode == 0, process.stderr
    return folder / "artifact", [json.loads(line) for line in process.stdout.splitlines()], process.stderr


@pytest.fixture(scope="module")
def result(finished):
    return json.loads((finished[0] / "result.json").read_text())


def test_thresholds_are_those_of_the_data_as_uploaded_not_of_the_planted_copy(finished, result):
    for part in "uve":
        scores = mapped(file_of(finished[0], "scores", "datasrc", part))
        assert result["threshold"][part] == pytest.approx(np.quantile(scores, 0.95))


def test_the_events_tell_the_stages_and_the_progress(finished):
    _, events, _ = finished
    assert [e["name"] for e in events if e["event"] == "stage"] == ["read", "train", "score", "write"]
    progress = [e for e in events if e["event"] == "progress"]
    assert [e["percent"] for e in progress] == sorted(e["percent"] for e in progress)
    expected = {"epoch", "epochs", "loss", "u", "v", "e", "structure", "rows_per_second", "seconds_left"}
    assert expected <= progress[0].keys()
    assert progress[-1]["percent"] == 100
    assert events[-1]["event"] == "finished"


def test_the_log_tells_the_run_and_nothing_of_the_exporter(finished):
    lines = finished[2].splitlines()
    assert all(" INFO algorithms." in line for line in lines), finished[2]
    assert "datasrc has 52 u, 20 v and " in lines[0]
    assert any("epoch 40 of 40: loss " in line and " edges/s" in line for line in lines)


def test_the_summary_is_that_of_the_result(finished, result):
    summary = finished[1][-1]
    assert summary["artifact"] == "artifact"
    assert summary["rows"] == result["rows"] == {"train": 315, "held_out": 0, "datasrc": 318, "evaldata": 118}
    assert summary["metrics"] == result["metrics"]
    assert summary["threshold"] == result["threshold"]


def test_the_result_names_attributes_contributions_and_graphs(result):
    assert result["detector"] == "graphbean"
    assert result["attributes"]["u"] == ["distinct clinic", *SHARED]
    assert result["attributes"]["v"] == ["distinct person", *SHARED]
    assert result["attributes"]["e"] == SHARED
    assert result["columns"]["e"] == [*SHARED, "structure"]
    edges = result["graph"]["datasrc"]["e"]
    assert result["graph"]["datasrc"] == {"u": 52, "v": 20, "e": edges, "rows": 318, "left_out": 3}
    added = result["metrics"]["planted"]["edges_added"]
    assert result["graph"]["planted"] == {"u": 52, "v": 20, "e": edges + added, "rows": 315, "left_out": 0}
    assert result["settings"]["iter"] == 40
    assert result["settings"]["device"] in ("cpu", "cuda")
    assert result["seed"] == 0
    assert {"read", "setup", "train", "score", "export", "total"} <= result["timings"].keys()


def test_the_history_has_all_parts_of_the_loss_and_the_prediction_of_edges(result):
    history = result["loss_history"]
    assert [epoch["epoch"] for epoch in history] == list(range(1, 41))
    expected = {"epoch", "loss", "u", "v", "e", "structure", "accuracy", "precision", "recall", "f1"}
    assert all(set(epoch) == expected for epoch in history)
    assert history[-1]["loss"] < history[0]["loss"]
    assert result["best_epoch"] == 40


def test_labels_are_lifted_and_evaluated_part_by_part(result):
    metrics = result["metrics"]
    assert metrics["evaluated_on"] == "evaldata"
    assert [metrics[part]["anomalies"] for part in "uve"] == [2, 1, 2]
    assert metrics["anomalies"] == 2
    assert metrics["rows"] == metrics["e"]["rows"] == result["graph"]["evaldata"]["e"]
    assert metrics["roc_auc"] == metrics["e"]["roc_auc"] > 0.5
    assert list(metrics["baselines"]) == ["degree", "mahalanobis", "isolation_forest"]
    assert all(set(metrics["baselines"][name]) == {"u", "v", "e"} for name in metrics["baselines"])
    assert metrics["rmse"]["e"]["all"] > 0
    assert list(metrics["rmse"]["u"]["by_attribute"]) == result["attributes"]["u"]
    assert set(metrics["structure"]) == {"cross_entropy", "accuracy", "precision", "recall", "f1"}
    assert metrics["planted"]["e"]["anomalies"] >= metrics["planted"]["edges_added"] > 0
    assert metrics["planted"]["baselines"]["degree"]["u"]["roc_auc"] > 0


def test_what_was_left_out_and_what_labels_mean_is_said(result):
    notices = result["notices"]
    assert (
        "datasrc: 3 of 318 rows are left out: 1 have no person, 1 have no clinic, 1 have neither person nor clinic"
        in notices
    )
    assert "label fraud: 'yes' is the anomaly ('no' is normal), 7 % of the rows" in notices
    assert any("50 % of the rows are anomalies for 2 of 52 u, 1 of 20 v and 2 of " in notice for notice in notices)
    assert any(notice.startswith("the network was trained on a copy of datasrc with planted") for notice in notices)


@pytest.mark.parametrize("node", ["datasrc", "evaldata", "planted"])
def test_every_node_and_edge_has_its_score_in_the_files(finished, result, node):
    artifact = finished[0]
    for part in "uve":
        stored = StoredPart(artifact, node, part)
        scores, order, contributions = (
            mapped(file_of(artifact, kind, node, part)) for kind in ("scores", "order", "contributions")
        )
        size = result["graph"][node][part]
        assert len(scores) == len(stored.rows) == size
        assert np.array_equal(np.sort(scores)[::-1], scores[order])
        assert contributions.shape == (size, len(result["columns"][part]))
        assert contributions.sum(axis=1) == pytest.approx(scores, rel=1e-5)
        parquet = pq.read_table(artifact / f"scores.{node}.{part}.parquet").to_pydict()
        assert parquet["score"] == scores.tolist()
        assert parquet["anomaly"] == (scores > result["threshold"][part]).tolist()
        for side, ids in stored.ids(np.arange(size)).items():
            assert parquet[side] == ids


def test_the_stored_labels_and_rows_are_those_of_the_ids(finished):
    edges = StoredPart(finished[0], "datasrc", "e")
    found = np.flatnonzero(mapped(file_of(finished[0], "labels", "datasrc", "e")))
    assert edges.ids(found) == {"u": ["P07", "P08"], "v": ["C19", "C19"]}
    assert edges.rows[found].tolist() == [12, 3]
    persons = StoredPart(finished[0], "datasrc", "u")
    assert persons.ids(np.flatnonzero(mapped(file_of(finished[0], "labels", "datasrc", "u")))) == {"u": ["P07", "P08"]}
    planted = StoredPart(finished[0], "planted", "e")
    assert planted.rows.sum() == edges.rows.sum() == 315
    assert (planted.rows == 0).sum() > 0


def test_the_top_anomalies_carry_ids_values_shares_and_what_was_expected(result):
    top = result["top_anomalies"]
    assert {part: len(entries) for part, entries in top.items()} == {"u": 10, "v": 10, "e": 10}
    first = top["e"][0]
    assert (first["u"], first["v"]) in {("P07", "C19"), ("P08", "C19")}
    assert first["anomaly"] is True
    assert first["label"] == 1
    assert first["rows"] == first["values"]["distinct claim"] == (12 if first["u"] == "P07" else 3)
    assert first["values"]["mean amount"] == pytest.approx(5005.5 if first["u"] == "P07" else 5013)
    assert list(first["contributions"].values()) == sorted(first["contributions"].values(), reverse=True)
    assert sum(first["contributions"].values()) == pytest.approx(first["score"], rel=1e-5)
    assert first["expected"].keys() == first["values"].keys()
    assert abs(first["expected"]["mean amount"] - first["values"]["mean amount"]) > 50
    assert set(top["u"][0]) == set(first) - {"v"}
    assert set(top["v"][0]) == set(first) - {"u"}


def test_the_artifact_is_whole_and_serves_the_same_scores(finished, result):
    artifact = finished[0]
    files = verify_artifact(artifact)["files"]
    assert {"model.onnx", "model.safetensors", "preprocess.json", "parameters.json", "result.json"} <= set(files)
    scorer = GraphScorer.load(artifact)
    assert scorer.threshold == result["threshold"]["value"] == result["threshold"]["e"]
    assert scorer.thresholds._asdict() == {part: result["threshold"][part] for part in "uve"}
    assert scorer.columns._asdict() == {part: tuple(names) for part, names in result["columns"].items()}


def test_the_same_rows_sent_to_the_scorer_score_as_they_did(finished):
    artifact = finished[0]
    lines = [line.split(",") for line in claims(100, seed=1)]
    names, cells = lines[0], [line for line in lines[1:] if line[1] and line[2]]
    rows = [
        {n: (float(c) if n in ("amount", "claim") else c) for n, c in zip(names, row, strict=True)} for row in cells
    ]
    answer = GraphScorer.load(artifact).score_rows(rows)
    stored = StoredPart(artifact, "evaldata", "e")
    edges = mapped(file_of(artifact, "scores", "evaldata", "e")).tolist()
    ids = stored.ids(np.arange(len(edges)))
    scores = dict(zip(zip(ids["u"], ids["v"], strict=True), edges, strict=True))
    for row, answered in zip(rows, answer["rows"], strict=True):
        assert answered["score"] == pytest.approx(scores[row["person"], row["clinic"]], rel=1e-4)


def test_the_saved_detector_scores_the_planted_graph_as_the_files_say(finished, result):
    detector = GraphBEANDetector.load(finished[0])
    assert detector.params.epochs == 40
    assert detector.threshold_._asdict() == {part: result["threshold"][part] for part in "uve"}


@pytest.fixture
def datasrc(tmp_path):
    return {"datasrc": (table(tmp_path, "a", claims()),)}


ENDS = {"u_column": "person", "v_column": "clinic"}


def test_two_columns_are_enough(tmp_path, datasrc):
    result, _ = run(tmp_path, datasrc, feed_train=ENDS, netconf_node=QUICK)
    assert result["attributes"]["e"] == ["rows"]
    assert result["metrics"]["evaluated_on"] == "datasrc"
    assert result["metrics"]["baselines"] is None
    assert result["metrics"]["planted"] is None
    assert "roc_auc" not in result["metrics"]
    assert result["rows"]["evaldata"] is None
    assert result["threshold"]["rule"] == "contamination"
    assert not (tmp_path / "artifact" / "labels.datasrc.e.npy").exists()


@pytest.mark.parametrize("scoring", ["reconstruction", "collective"])
@pytest.mark.parametrize("huge", [["1e308", "-1e308"] * 2, ["1e200"], ["1.7e308"] * 316], ids=["both", "one", "all"])
def test_huge_numbers_train_with_finite_results(tmp_path, huge, scoring):
    lines = [f"h{i},P{i % 7 + 10},C{i % 5},{number},a,," for i, number in enumerate(huge)]
    tables = {"datasrc": (table(tmp_path, "a", [*claims(60), *lines]),)}
    injection = {"num_group": 1, "num_nodes_range": [1, 4]}
    feeder = {**ENDS, "numeric_columns": ["amount"]}
    run(tmp_path, tables, feed_train=feeder, netconf_node={**QUICK, "scoring": scoring, "inject_anomalies": injection})
    stored = (tmp_path / "artifact" / "result.json").read_text()
    assert not any(word in stored for word in ("NaN", "Infinity"))
    row = {"person": "P10", "clinic": "C1", "amount": -1.7e308}
    answer = GraphScorer.load(tmp_path / "artifact").score_rows([row, {**row, "clinic": "C2", "amount": 1.7e308}])
    json.dumps(answer, allow_nan=False)


def test_the_evaluation_node_overrides_label_and_threshold(tmp_path, datasrc):
    evaluation = {"label_column": "fraud", "threshold_rule": "best_f1"}
    result, _ = run(tmp_path, datasrc, feed_train=ENDS, netconf_node=QUICK, eval_node=evaluation)
    assert result["threshold"]["rule"] == "best_f1"
    assert [result["metrics"][part]["anomalies"] for part in "uve"] == [2, 1, 2]
    assert any("edges was chosen on datasrc, which flatters" in notice for notice in result["notices"])
    assert any("the data trained on" in notice for notice in result["notices"])


@pytest.mark.parametrize(
    ("parameters", "field", "message"),
    [
        ({"feed_train": {"v_column": "clinic"}}, "u_column", "u_column is not set"),
        ({"feed_train": {**ENDS, "u_column": "nope"}}, "u_column", "no such column: nope"),
        ({"feed_train": {**ENDS, "u_column": "note"}}, "u_column", "note has no value in any row"),
        (
            {"feed_train": {**ENDS, "numeric_columns": ["kind"]}},
            "numeric_columns",
            "row 1 has '[abc]', which is no number",
        ),
        ({"feed_train": {**ENDS, "label_column": "nope"}}, "label_column", "no such column: nope"),
        ({"feed_train": {**ENDS, "label_column": "kind"}}, "kind", "this column has 3"),
        ({"feed_train": {**ENDS, "label_column": "note"}}, "note", "row 1 of datasrc has no label"),
        (
            {"feed_train": {**ENDS, "numeric_columns": ["amount"]}, "eval_node": {"label_column": "amount"}},
            "numeric_columns",
            "a label is never fed to the model",
        ),
        (
            {"feed_train": ENDS, "netconf_node": {**QUICK, "inject_anomalies": {"num_nodes_range": [1, 60]}}},
            "num_nodes_range",
            "60",
        ),
        ({"feed_train": ENDS, "eval_node": {"threshold_rule": "best_f1"}}, "threshold_rule", "needs labelled rows"),
    ],
)
def test_data_that_do_not_fit_are_refused_before_the_training_and_leave_no_artifact(
    tmp_path, datasrc, monkeypatch, parameters, field, message
):
    monkeypatch.setattr("algorithms.graphbean.detector.fit_network", lambda *_: pytest.fail("it was trained"))
    with pytest.raises(DataError, match=message) as caught:
        run(tmp_path, datasrc, **{"netconf_node": QUICK, **parameters})
    assert field in caught.value.errors
    assert not (tmp_path / "artifact").exists()


def test_evaluation_data_without_a_column_are_refused_by_name(tmp_path, datasrc):
    lines = [",".join(line.split(",")[:3]) for line in claims(20)]
    with pytest.raises(DataError, match=r"evaldata: .*numeric_columns: no such column: amount") as caught:
        run(tmp_path, datasrc | {"evaldata": (table(tmp_path, "b", lines),)}, feed_train=FEEDER, netconf_node=QUICK)
    assert "numeric_columns" in caught.value.errors
