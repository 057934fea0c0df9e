import json
import math
import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from algorithms.artifacts import write_artifact
from algorithms.errors import ArtifactCorrupt, ArtifactIncompatible, DataError, RowsInvalid, RowsTooMany
from algorithms.graphbean.encoder import GraphEncoder
from algorithms.graphbean.graph import BipartiteGraph, Parts
from algorithms.graphbean.interactions import Coded, Interactions
from algorithms.graphbean.params import GraphBEANParams, GraphFeederParams
from algorithms.graphbean.scaling import AttributeScaling
from algorithms.graphbean.scorer import INPUTS, OUTPUTS, GraphScorer
from algorithms.graphbean.scoring import GraphScoring, Residuals

LOGIT = 1.5
SURPRISE = math.log1p(math.exp(-LOGIT))
PARAMS = GraphBEANParams(structure_loss_weight=0.5, structure_score_weight=0.5)
FEEDER = GraphFeederParams(
    u_column="buyer", v_column="seller", numeric_columns=["amount"], encode_column=["kind"], vocab_size=2
)
ROWS = [
    {"buyer": "ann", "seller": "x", "amount": 10, "kind": "a"},
    {"buyer": "ann", "seller": "x", "amount": 30, "kind": "a"},
    {"buyer": "new", "seller": 7, "amount": None, "kind": "z"},
]


def model(widths, factor=0.0):
    """Reconstruct each attribute as factor · attribute; every edge has the same logit."""
    nodes, weights = [], []
    for name, again in zip(INPUTS[:3], OUTPUTS[:3], strict=True):
        nodes.append(helper.make_node("Mul", [name, "factor"], [again]))
    nodes += [
        helper.make_node("ReduceSum", ["x_e", "axes"], ["sums"], keepdims=0),
        helper.make_node("Mul", ["sums", "zero"], ["zeros"]),
        helper.make_node("Add", ["zeros", "logit"], ["edge_logit"]),
        helper.make_node("Identity", ["edge_index"], ["unused"]),
    ]
    for name, value in (("factor", factor), ("zero", 0.0), ("logit", LOGIT)):
        weights.append(numpy_helper.from_array(np.array(value, np.float32), name))
    weights.append(numpy_helper.from_array(np.array([1]), "axes"))
    sizes = ("U", "V", "E")
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [size, width])
        for name, size, width in zip(INPUTS, sizes, widths, strict=False)
    ]
    inputs.append(helper.make_tensor_value_info("edge_index", TensorProto.INT64, [2, "E"]))
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [size, width])
        for name, size, width in zip(OUTPUTS, sizes, widths, strict=False)
    ]
    outputs.append(helper.make_tensor_value_info("edge_logit", TensorProto.FLOAT, ["E"]))
    graph = helper.make_graph(nodes, "constant", inputs, outputs, weights)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(made)
    return made.SerializeToString()


def interactions():
    return Interactions(
        rows=6,
        coded={
            "buyer": Coded.of(["ann", "ann", "bob", "bob", "cyd", "cyd"]),
            "seller": Coded.of(["x", "y", "x", "y", "x", "x"]),
            "kind": Coded.of(["a", "a", "b", "a", "b", "c"]),
        },
        numbers={"amount": np.array([10.0, 20, 30, 40, 50, 60])},
        columns=("buyer", "seller", "amount", "kind", "note"),
    )


def make(factor=0.0, params=PARAMS):
    encoder = GraphEncoder.fit(interactions(), FEEDER)
    graph = encoder.graph(interactions()).graph
    scaling = AttributeScaling.fit(graph, params)
    scaled = scaling.apply(graph)
    scoring = GraphScoring.fit(params, Residuals(scaled.x, np.zeros(scaled.edges)))
    network = model(scaled.widths, factor)
    return GraphScorer(network, scaling, scoring, Parts(1.0, 2.0, 0.75), encoder.attributes, encoder)


@pytest.fixture(scope="module")
def scorer():
    return make()


@pytest.fixture
def artifact(scorer, tmp_path):
    with write_artifact(tmp_path / "artifact") as folder:
        scorer.save(folder)
    return tmp_path / "artifact"


def test_scores_come_from_what_the_model_does_not_reconstruct(scorer):
    graph = scorer.encoder.graph(interactions()).graph
    scaled = scorer.scaling.apply(graph)
    scores, contributions = scorer.score_graph(graph)
    own = np.sqrt(np.square(scaled.x.e.astype(float)).mean(axis=1))
    assert scores.e == pytest.approx(own + 0.5 * SURPRISE, rel=1e-6)
    assert contributions.e[:, -1] == pytest.approx(0.5 * SURPRISE, rel=1e-6)


def test_a_perfect_reconstruction_leaves_the_structure_alone():
    scorer = make(factor=1.0)
    scores, _ = scorer.score_graph(scorer.encoder.graph(interactions()).graph)
    for values in scores:
        assert values == pytest.approx(0.5 * SURPRISE, rel=1e-6)


def test_rows_are_answered_with_their_pairs_and_both_kinds_of_nodes(scorer):
    answer = scorer.score_rows(ROWS)
    assert set(answer) == {"rows", "u", "v"}
    first, second, third = answer["rows"]
    assert set(first) == {"u", "v", "score", "anomaly", "contributions", "notices"}
    assert (first["u"], first["v"]) == ("ann", "x")
    assert first == second
    assert (third["u"], third["v"]) == ("new", "7")
    assert first["anomaly"] is (first["score"] > 0.75)
    assert sum(third["contributions"].values()) == pytest.approx(third["score"], rel=1e-6)
    assert list(third["contributions"]) == list(scorer.columns.e)
    assert [node["id"] for node in answer["u"]] == ["ann", "new"]
    assert [node["id"] for node in answer["v"]] == ["x", "7"]
    assert set(answer["u"][0]) == {"id", "score", "anomaly", "contributions"}
    assert answer["u"][0]["anomaly"] is (answer["u"][0]["score"] > 1.0)
    assert answer["v"][0]["anomaly"] is (answer["v"][0]["score"] > 2.0)
    json.dumps(answer, allow_nan=False)


def test_rows_score_as_the_same_graph_does(scorer):
    columns = interactions()
    rows = [
        {
            "buyer": columns.coded["buyer"].texts[columns.coded["buyer"].codes[i]],
            "seller": columns.coded["seller"].texts[columns.coded["seller"].codes[i]],
            "kind": columns.coded["kind"].texts[columns.coded["kind"].codes[i]],
            "amount": columns.numbers["amount"][i],
        }
        for i in range(columns.rows)
    ]
    made = scorer.encoder.graph(columns)
    expected = scorer.score_graph(made.graph).scores
    answer = scorer.score_rows(rows)
    assert [row["score"] for row in answer["rows"]] == expected.e[made.edge_of_row].tolist()
    assert [node["score"] for node in answer["u"]] == expected.u.tolist()


def test_a_category_without_a_slot_is_named(scorer):
    answer = scorer.score_rows([*ROWS, {"buyer": "ann", "seller": "x", "amount": 1, "kind": None}])
    assert answer["rows"][0]["notices"] == []
    assert answer["rows"][2]["notices"] == ["kind: 'z' has no slot of its own; it counts as (other)"]
    assert answer["rows"][3]["notices"] == ["kind: a missing value has no slot of its own; it counts as (other)"]


def test_columns_that_the_graph_is_not_made_of_may_be_sent(scorer):
    assert scorer.score_rows([{**row, "note": "seen"} for row in ROWS]) == scorer.score_rows(ROWS)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"buyer": "ann", "seller": "x", "amount": 1}, "kind: row 1: missing"),
        ({**ROWS[0], "colour": "red"}, "colour: row 1: unknown field"),
        ({**ROWS[0], "buyer": None}, "buyer: row 1: has no id"),
        ({**ROWS[0], "amount": "much"}, "amount: row 1: expects a number"),
    ],
)
def test_rows_that_do_not_fit_are_refused(scorer, row, message):
    with pytest.raises(RowsInvalid, match=message):
        scorer.score_rows([row])


def test_no_rows_are_refused(scorer):
    with pytest.raises(RowsInvalid, match="no rows were sent"):
        scorer.score_rows([])


def test_as_many_rows_are_answered_as_their_contributions_fit(monkeypatch):
    # Own attributes and those of edges are 7 + 6 for u and v, 6 for e; then there is structure.
    monkeypatch.setattr("algorithms.graphbean.scorer.MOST_NUMBERS", 3 * (14 + 14 + 7) + 34)
    scorer = make()
    assert len(scorer.score_rows(ROWS)["rows"]) == 3
    with pytest.raises(RowsTooMany, match=r"4 rows are too many .* 35 contributions .* send at most 3, ") as caught:
        scorer.score_rows([*ROWS, ROWS[0]])
    assert list(caught.value.errors) == ["input_data"]


def test_a_long_name_counts_for_several_contributions(scorer):
    assert scorer.most_rows == 4_000_000 // 35
    attributes = scorer.attributes._replace(e=("x" * 640, *scorer.attributes.e[1:]))
    long = GraphScorer(scorer._model, scorer.scaling, scorer.scoring, scorer.thresholds, attributes)
    assert long.most_rows == 4_000_000 // (35 + 3 * 10)  # the edges' are among the nodes', too


def test_a_model_of_a_graph_scores_no_rows(scorer):
    alone = GraphScorer(
        scorer._model, scorer.scaling, scorer.scoring, scorer.thresholds, scorer.attributes, encoder=None
    )
    with pytest.raises(DataError, match="it scores graphs, not rows"):
        alone.score_rows(ROWS)


@pytest.mark.parametrize("factor", [3e38, -3e38])
def test_an_overflow_of_the_network_gives_finite_scores(factor):
    answer = make(factor=factor).score_rows([{**ROWS[0], "amount": 1e300}, *ROWS[1:]])
    json.dumps(answer, allow_nan=False)
    assert answer["rows"][0]["score"] > 1e30


def test_a_saved_scorer_loads_with_the_same_scores_and_thresholds(scorer, artifact):
    loaded = GraphScorer.load(artifact)
    assert loaded.score_rows(ROWS) == scorer.score_rows(ROWS)
    assert loaded.thresholds == scorer.thresholds
    assert loaded.threshold == 0.75
    assert loaded.columns == scorer.columns


def test_a_changed_threshold_file_is_refused(artifact):
    path = artifact / "preprocess.json"
    path.write_text(path.read_text().replace('"threshold": 0.75', '"threshold": 0.1'))
    with pytest.raises(ArtifactCorrupt, match=r"preprocess\.json"):
        GraphScorer.load(artifact)


def rewritten(tmp_path, scorer, **fields):
    with write_artifact(tmp_path / "other") as folder:
        scorer.save(folder)
        stored = json.loads((folder / "preprocess.json").read_text())
        (folder / "preprocess.json").write_text(json.dumps({**stored, **fields}))
    return tmp_path / "other"


def test_another_format_is_incompatible(tmp_path, scorer):
    with pytest.raises(ArtifactIncompatible, match="format 2"):
        GraphScorer.load(rewritten(tmp_path, scorer, format=2))


def test_a_scaling_of_other_attributes_is_corrupt(tmp_path, scorer):
    x = Parts(*(np.ones((1, width)) for width in (2, 3, 4)))
    other = AttributeScaling.fit(BipartiteGraph(np.zeros((2, 1), np.int64), x), PARAMS)
    with pytest.raises(ArtifactCorrupt, match=r"takes \(7, 7, 6\) attributes, preprocess\.json makes \(2, 3, 4\)"):
        GraphScorer.load(rewritten(tmp_path, scorer, scaling=other.to_dict()))


def test_loading_and_scoring_imports_no_training_library(artifact):
    heavy = ["tensorflow", "keras", "torch", "torch_geometric", "pandas", "pyarrow", "sklearn", "scipy", "onnx"]
    code = f"""
import sys
from pathlib import Path
from algorithms.graphbean.scorer import GraphScorer
GraphScorer.load(Path({str(artifact)!r})).score_rows({ROWS!r})
print([name for name in {heavy!r} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
