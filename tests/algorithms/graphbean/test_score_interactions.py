"""A file of interactions scored: each pair and each of its ends, alone or among the interactions of the training."""

import io
import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from algorithms.artifacts import verify_artifact
from algorithms.drift.tally import Tally
from algorithms.errors import DataError
from algorithms.events import EventStream
from algorithms.graphbean.job import fit
from algorithms.graphbean.score_files import file_of, mapped
from algorithms.graphbean.score_interactions import score_file
from algorithms.graphbean.scored_parts import ScoredPart
from algorithms.graphbean.scorer import GraphScorer
from algorithms.jobs import FitJob, ScoreFileJob
from tests.algorithms.graphbean.test_job import FEEDER, QUICK, claims, table

CONTAMINATION = {"rule": "contamination", "contamination": 0.05}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Train on claims; give the artifact and the training's table."""
    folder = tmp_path_factory.mktemp("trained")
    data = table(folder, "training", claims())
    parameters = {"feed_train": FEEDER, "netconf_node": QUICK}
    job = FitJob(workflow_type="graphbean_csv", tables={"datasrc": (data,)}, parameters=parameters)
    fit(job, folder, EventStream(io.StringIO(), 0.0))
    return SimpleNamespace(artifact=folder / "artifact", data=data)


@pytest.fixture
def score(model, tmp_path):
    """Give a function that scores CSV lines, or a data frame sent as Parquet; each call in a folder of its own."""

    def score(given, *, rule=CONTAMINATION, value=None, **options):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        is_csv = not isinstance(given, pd.DataFrame)
        source = folder / "source"
        if is_csv:
            source.write_text("\n".join(given) + "\n")
        else:
            given.to_parquet(source)
        if value is None and rule["rule"] == "contamination":
            value = dict(GraphScorer.load(model.artifact).thresholds._asdict())
        if options.get("context") == "training":
            options.setdefault("training_tables", (model.data,))
        job = ScoreFileJob(
            artifact=model.artifact, workflow_type="graphbean_csv", source=source,
            format="csv" if is_csv else "parquet", verdict={"rule": rule, "value": value}, **options,
        )  # fmt: skip
        stream = io.StringIO()
        finished = score_file(job, folder, EventStream(stream, 0.0))
        artifact = folder / "artifact"
        return SimpleNamespace(
            finished=finished,
            artifact=artifact,
            events=[json.loads(line) for line in stream.getvalue().splitlines()],
            summary=json.loads((artifact / "summary.json").read_text()),
            parts={part: ScoredPart(artifact, part) for part in "uve"},
        )

    return score


def by_pair(scored):
    return {(row["u"], row["v"]): row["score"] for row in scored.parts["e"].rows(0, 10_000)}


def test_the_training_file_has_the_scores_of_the_training(score, model):
    scored = score(claims())
    for part in "uve":
        trained = mapped(file_of(model.artifact, "scores", "datasrc", part))
        assert np.allclose(np.sort(scored.parts[part].score), np.sort(trained), rtol=1e-4, atol=1e-6)


def test_a_file_is_scored_as_predict_scores_its_rows(score, model):
    frame = pd.read_csv(io.StringIO("\n".join(claims(60, seed=5)))).dropna(subset=["person", "clinic"])
    names = ["claim", "person", "clinic", "amount", "kind"]
    predicted = GraphScorer.load(model.artifact).score_rows(frame[names].to_dict("records"))
    scored = score(frame)
    expected = {(row["u"], row["v"]): row["score"] for row in predicted["rows"]}
    assert by_pair(scored) == pytest.approx(expected, rel=1e-5)
    for part in "uv":
        expected = {row["id"]: row["score"] for row in predicted[part]}
        assert {row[part]: row["score"] for row in scored.parts[part].rows(0, 1000)} == pytest.approx(
            expected, rel=1e-5
        )


def test_csv_and_parquet_and_rows_in_another_order_give_the_same_scores(score):
    lines = claims(80, seed=2)
    frame = pd.read_csv(io.StringIO("\n".join(lines)), dtype={"person": str, "clinic": str})
    shuffled = frame.sample(frac=1, random_state=1)
    csv, parquet, other = (by_pair(score(given)) for given in (lines, frame, shuffled))
    assert csv == parquet
    assert other == pytest.approx(csv, rel=1e-4)


def test_nodes_that_training_did_not_know_are_scored(score):
    scored = score(["claim,person,clinic,amount,kind", "1,Q1,NEW,100,a", "2,Q2,NEW,9000,z"])
    assert {row["u"] for row in scored.parts["u"].rows(0, 10)} == {"Q1", "Q2"}
    assert scored.summary["unseen"] == {"kind": 1}
    assert (
        "kind has a value without a slot of its own in 1 of 2 rows (50 %); it counts as (other)"
        in (scored.summary["notices"])
    )


def test_in_context_the_training_file_has_its_own_scores_again(score):
    alone, around = score(claims()), score(claims(), context="training")
    assert by_pair(around) == pytest.approx(by_pair(alone), rel=1e-4)
    assert around.summary["known"] == {"u": 52, "v": 20}
    assert around.summary["replaced"] == 315


def test_in_context_known_nodes_keep_their_neighbours_and_only_the_file_is_told_of(score):
    lines = ["claim,person,clinic,amount,kind", "9001,P07,C1,100,a", "9002,NEW,C1,100,b", "9003,NEW,C1,101,b"]
    alone, around = score(lines), score(lines, context="training")
    told = around.parts["e"].rows(0, 10, by_score=False)
    assert [(row["u"], row["v"], row["rows"]) for row in told] == [("P07", "C1", 1), ("NEW", "C1", 2)]
    assert len(around.parts["u"]) == 2
    assert len(around.parts["v"]) == 1
    assert by_pair(around).keys() == by_pair(alone).keys()
    assert by_pair(around) != pytest.approx(by_pair(alone), rel=1e-3)
    assert around.summary["known"] == {"u": 1, "v": 1}
    assert "1 of 2 person are new: the training had none of them" in around.summary["notices"]


def test_a_known_node_of_rows_without_a_pair_is_not_counted(score):
    lines = ["claim,person,clinic,amount,kind", "9001,P07,,100,a", "9002,NEW,C1,100,b"]
    scored = score(lines, context="training")
    assert scored.summary["known"] == {"u": 0, "v": 1}
    assert "1 of 1 person are new: the training had none of them" in scored.summary["notices"]


def test_in_context_the_file_replaces_what_training_knew_of_its_pairs(score, model):
    """The graph is that of the training's interactions with the file's in the place of those of the same pairs."""
    lines = ["claim,person,clinic,amount,kind", "9001,P07,C19,100,a"]
    scored = score(lines, context="training")
    rows = [dict(zip(claims()[0].split(","), line.split(","), strict=True)) for line in claims()[1:]]
    rows = [
        {**{name: row[name] for name in ("claim", "person", "clinic", "kind")}, "amount": float(row["amount"])}
        for row in rows
        if row["person"] and row["clinic"] and (row["person"], row["clinic"]) != ("P07", "C19")
    ]
    rows.append({"claim": "9001", "person": "P07", "clinic": "C19", "amount": 100.0, "kind": "a"})
    predicted = GraphScorer.load(model.artifact).score_rows(rows)
    assert scored.parts["e"].rows(0, 9)[0]["score"] == pytest.approx(predicted["rows"][-1]["score"], rel=1e-4)
    assert scored.summary["replaced"] == 12


def test_context_without_the_training_data_is_refused(score):
    with pytest.raises(DataError, match="train again") as caught:
        score(claims(20), context="training", training_tables=())
    assert caught.value.errors.keys() == {"context"}


def test_verdicts_follow_the_rule_in_each_part(score, model):
    scored = score(claims())
    thresholds = GraphScorer.load(model.artifact).thresholds._asdict()
    for part, stored in scored.parts.items():
        assert stored.threshold == thresholds[part]
        assert np.array_equal(stored.anomaly, stored.score > thresholds[part])
    of_batch = score(claims(), rule={"rule": "top_k", "top_k": 3})
    assert [int(stored.anomaly.sum()) for stored in of_batch.parts.values()] == [3, 3, 3]
    assert of_batch.finished == {
        "artifact": "artifact",
        "rows": 318,
        "anomalies": 3,
        "threshold": of_batch.parts["e"].threshold,
    }


def test_the_artifact_vouches_for_all_its_files_and_nothing_is_left_beside_it(score):
    scored = score(claims(), sample_rows=5)
    of_part = ("score", "percentile", "anomaly", "drivers", "shares", "order")
    assert set(verify_artifact(scored.artifact)["files"]) == {
        *(f"{name}.{part}.npy" for name in of_part for part in "uve"), *(f"scores.{part}.parquet" for part in "uve"),
        *(f"rows.batch.{part}.npy" for part in "uve"), "ids.batch.u.npy", "ids.batch.v.npy", "offsets.batch.u.npy",
        "offsets.batch.v.npy", "pairs.batch.npy", "summary.json", "tally.json", "sample.json",
    }  # fmt: skip
    assert sorted(path.name for path in scored.artifact.parent.iterdir()) == ["artifact", "source"]


def test_pages_parquet_and_csv_agree(score):
    scored = score(claims())
    for part, stored in scored.parts.items():
        rows = stored.rows(0, 10_000, by_score=False)
        parquet = pq.read_table(scored.artifact / f"scores.{part}.parquet").to_pylist()
        csv = pd.read_csv(io.StringIO("".join(stored.csv())))
        assert [row["score"] for row in rows] == [row["score"] for row in parquet] == csv["score"].tolist()
        for side in (side for side in "uv" if side in rows[0]):
            assert [row[side] for row in rows] == [row[side] for row in parquet] == csv[side].tolist()
        assert [row["rows"] for row in rows] == [row["rows"] for row in parquet]
        assert [row["drivers"][0]["column"] for row in rows] == [row["driver_1"] for row in parquet]
    assert sum(row["rows"] for row in scored.parts["e"].rows(0, 10_000)) == 315


def test_the_summary_tells_the_highest_of_each_part_and_why(score):
    scored = score(claims())
    assert (scored.summary["rows"], scored.summary["left_out"]) == (318, 3)
    for part, told in scored.summary["parts"].items():
        assert told["count"] == len(scored.parts[part])
        scores = [each["score"] for each in told["top"]]
        assert scores == sorted(scores, reverse=True)
        assert scores[0] == told["score"]["max"]
        assert told["top"][0]["explanation"][0]["text"]
    assert scored.summary["parts"]["u"]["top"][0]["neighbours"]
    assert any("lack person or clinic" in notice for notice in scored.summary["notices"])


def test_a_tally_of_the_training_file_says_that_nothing_has_moved(score, model):
    from algorithms.drift.reference import Reference
    from algorithms.drift.report import drift_report

    scored = score(claims(3000, seed=9))
    tally = Tally.from_json(json.loads((scored.artifact / "tally.json").read_text()))
    assert tally.rows == len(scored.parts["e"])
    assert tally.anomalies == scored.summary["anomalies"]
    reference = Reference.read(model.artifact)
    assert tally.columns.keys() == reference.columns.keys()
    assert drift_report(reference, tally, None)["columns"]


def test_sampled_pairs_have_their_ids_and_attributes_by_column(score):
    scored = score(claims(), sample_rows=5)
    sample = json.loads((scored.artifact / "sample.json").read_text())
    assert len(sample) == 5
    for row in sample:
        stored = scored.parts["e"].at([row["row"]])[0]
        assert (row["values"]["person"], row["values"]["clinic"]) == (stored["u"], stored["v"])
        assert row["score"] == stored["score"]
        assert {"distinct claim", "sum amount"} <= row["values"].keys()
        assert len(row["contributions"]) == 3


def test_categories_that_were_texts_stay_texts(tmp_path):
    """ "7.0" is a text beside "x" in training; a day with numbers alone does not make "7" of it."""
    lines = ["person,clinic,code", *(f"P{i % 9},C{i % 4},{('7.0', 'x')[i % 2]}" for i in range(60))]
    feeder = {"u_column": "person", "v_column": "clinic", "encode_column": ["code"]}
    job = FitJob(
        workflow_type="graphbean_csv", tables={"datasrc": (table(tmp_path, "training", lines),)},
        parameters={"feed_train": feeder, "netconf_node": QUICK},
    )  # fmt: skip
    fit(job, tmp_path, EventStream(io.StringIO(), 0.0))
    source, folder = tmp_path / "today.csv", tmp_path / "scored"
    source.write_text("person,clinic,code\nP1,C1,7.0\nP2,C1,7.0\n")
    folder.mkdir()
    verdict = {"rule": {"rule": "top_k", "top_k": 1}, "value": None}
    score_file(
        ScoreFileJob(
            artifact=tmp_path / "artifact", workflow_type="graphbean_csv", source=source, format="csv", verdict=verdict
        ),
        folder,
        EventStream(io.StringIO(), 0.0),
    )
    assert json.loads((folder / "artifact" / "summary.json").read_text())["unseen"] == {}


def test_ids_of_the_training_are_found_again_however_they_are_written(score, model):
    lines = ["claim,person,clinic,amount,kind", "1,P10,C1,100,a"]
    frame = pd.DataFrame(
        {"claim": [1], "person": pd.Categorical(["P10"]), "clinic": ["C1"], "amount": [100], "kind": ["a"]}
    )
    assert by_pair(score(frame, context="training")) == pytest.approx(by_pair(score(lines, context="training")))


@pytest.mark.parametrize(
    ("lines", "said", "field"),
    [
        (["claim,person,amount,kind", "1,P1,5,a"], "lacks clinic, which the model was trained on", "clinic"),
        (["claim,person,clinic,amount,kind"], "no data rows", "file"),
        (["claim,person,clinic,amount,kind", "1,P1,C1,much,a"], "row 1 has 'much', which is no n", "numeric_columns"),
        (["claim,person,clinic,amount,kind", "1,,C1,5,a"], "person has no value in any row", "u_column"),
        (["claim,person,clinic,amount,kind", "1,P1,C1,5,a", "2,P1,C1"], "row 2", "file"),
    ],
)  # fmt: skip
def test_a_file_that_does_not_fit_is_refused_with_the_column(score, lines, said, field):
    with pytest.raises(DataError, match=said) as caught:
        score(lines)
    assert field in caught.value.errors


def test_a_parquet_file_that_is_cut_off_or_damaged_is_refused(score, model, tmp_path):
    frame = pd.read_csv(io.StringIO("\n".join(claims(2000))))
    whole = tmp_path / "whole.parquet"
    frame.to_parquet(whole, compression=None)
    content = whole.read_bytes()
    torn = bytearray(content)
    torn[200:20_000] = b"\xff" * 19_800
    for number, bad in enumerate((content[: len(content) // 2], bytes(torn), b"PAR1")):
        folder = tmp_path / f"bad{number}"
        folder.mkdir()
        (folder / "source").write_bytes(bad)
        job = ScoreFileJob(
            artifact=model.artifact, workflow_type="graphbean_csv", source=folder / "source", format="parquet",
            verdict={"rule": {"rule": "top_k", "top_k": 1}, "value": None},
        )  # fmt: skip
        with pytest.raises(DataError, match="the file") as caught:
            score_file(job, folder, EventStream(io.StringIO(), 0.0))
        assert caught.value.errors.keys() == {"file"}
        assert [path.name for path in folder.iterdir()] == ["source"]


def test_progress_and_stages_are_told(score):
    events = score(claims()).events
    assert [event["name"] for event in events if event["event"] == "stage"] == ["read", "score", "write"]
    percents = [event["percent"] for event in events if event["event"] == "progress"]
    assert percents == sorted(percents)
    assert percents[-1] == 100


def test_arrow_texts_are_the_texts():
    from algorithms.graphbean.reading import arrow_of_texts
    from algorithms.graphbean.texts import Texts

    texts = Texts.of(["", "울산", "b"])
    assert arrow_of_texts(texts).to_pylist() == list(texts)
    assert isinstance(arrow_of_texts(texts.take(np.array([1]))), pa.LargeStringArray)
