import json
import subprocess
import sys
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from algorithms.artifacts import write_artifact
from algorithms.errors import ArtifactCorrupt, ArtifactIncompatible, RowsInvalid
from algorithms.scorer import Scorer
from algorithms.tabular.encoder import TabularEncoder
from algorithms.tabular.features import Features
from algorithms.tabular.params import TabularFeederParams
from tests.algorithms.contract import steel
from tests.algorithms.tabular.encoding import dense_rows

ROWS = [{"grade": "A", "temperature": 1500.0, "weight": 150.0}, {"grade": "Z", "temperature": 1580.0, "weight": None}]


def linear_model(layout, factor=0.5, bias=None):
    """Reconstruct each feature as factor · feature + bias; the code is the first feature."""
    width = layout.width
    offset = np.zeros(width, np.float32) if bias is None else np.asarray(bias, np.float32)
    constants = {
        "w": (np.eye(width) * factor).astype(np.float32),
        "b": offset,
        "f": np.eye(width, 1, dtype=np.float32),
        "one_hot": np.eye(layout.slots, dtype=np.float32),
        "blocks": np.array([1]),
    }
    graph = helper.make_graph(
        [
            helper.make_node("Gather", ["one_hot", "slots"], ["each_block"]),
            helper.make_node("ReduceSum", ["each_block", "blocks"], ["all_blocks"], keepdims=0),
            helper.make_node("Concat", ["numbers", "all_blocks"], ["features"], axis=1),
            helper.make_node("MatMul", ["features", "w"], ["scaled"]),
            helper.make_node("Add", ["scaled", "b"], ["reconstruction"]),
            helper.make_node("MatMul", ["features", "f"], ["code"]),
        ],
        "linear",
        [
            helper.make_tensor_value_info("numbers", TensorProto.FLOAT, ["rows", layout.numbers]),
            helper.make_tensor_value_info("slots", TensorProto.INT32, ["rows", len(layout.blocks)]),
        ],
        [
            helper.make_tensor_value_info("reconstruction", TensorProto.FLOAT, ["rows", width]),
            helper.make_tensor_value_info("code", TensorProto.FLOAT, ["rows", 1]),
        ],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def features_of(encoder, rows, number):
    """Return rows of the first slot of every block and one number everywhere else."""
    layout = encoder.layout
    slots = np.tile(np.array(layout.first_slots, np.int32), (rows, 1))
    return Features(np.full((rows, layout.numbers), number, np.float32), slots)


@pytest.fixture(scope="module")
def encoder():
    return TabularEncoder.fit(steel(), TabularFeederParams(), scaling="asinh")


@pytest.fixture(scope="module")
def scorer(encoder):
    return Scorer(linear_model(encoder.layout), encoder, "squared", threshold=0.2)


@pytest.fixture
def artifact(scorer, tmp_path):
    with write_artifact(tmp_path / "artifact") as folder:
        scorer.save(folder)
    return tmp_path / "artifact"


def test_the_score_is_the_mean_squared_error_and_columns_share_it(scorer, encoder):
    features = features_of(encoder, 1, 0.0)
    features.numbers[0, encoder.slices["weight"]] = 2.0
    scores, contributions = scorer.score_features(features)
    assert scorer.columns == ["grade", "temperature", "weight"]
    assert contributions[0] == pytest.approx([0.5**2 / encoder.layout.width, 0.0, 1.0 / encoder.layout.width])
    assert scores == pytest.approx([1.25 / encoder.layout.width])


def test_a_penalty_may_count_large_errors_for_less(encoder):
    features = features_of(encoder, 1, 0.0)
    features.numbers[0, encoder.slices["weight"]] = 8.0
    scores, [[grade, temperature, weight]] = Scorer(linear_model(encoder.layout), encoder, "log", 0.2).score_features(
        features
    )
    assert (grade, temperature, weight) == pytest.approx((np.log1p(0.25) / 3, 0.0, np.log1p(4.0**2) / 3))
    assert scores == pytest.approx([grade + weight])


def test_contributions_sum_to_the_score_exactly(scorer, encoder):
    features = features_of(encoder, 1000, 0.0)
    features.numbers[:] = np.random.default_rng(0).normal(size=features.numbers.shape)
    scores, contributions = scorer.score_features(features)
    assert np.array_equal(contributions.sum(axis=1), scores)


def test_many_rows_are_scored_in_chunks_with_the_same_result(encoder, scorer, monkeypatch):
    table = steel(rows=100)
    whole = scorer.score_table(table)
    monkeypatch.setattr("algorithms.scorer.CHUNK_VALUES", 7 * encoder.layout.width)
    chunked = Scorer(linear_model(encoder.layout), encoder, "squared", 0.2)
    assert len(list(chunked._chunks(100))) == 15
    for a, b in zip(whole, chunked.score_table(table), strict=True):
        assert a == pytest.approx(b, rel=1e-6)


def test_no_rows_give_no_scores(scorer, encoder):
    scores, contributions = scorer.score_features(features_of(encoder, 0, 0.0))
    assert scores.shape == (0,)
    assert contributions.shape == (0, 3)


def test_rows_are_answered_with_score_flag_contributions_and_notices(scorer):
    first, second = scorer.score_rows(ROWS)
    assert set(first) == {"score", "anomaly", "contributions", "notices"}
    assert sum(first["contributions"].values()) == pytest.approx(first["score"], rel=1e-12)
    assert first["anomaly"] is (first["score"] > 0.2)
    assert first["notices"] == []
    assert "'Z'" in second["notices"][0]
    assert "not seen in training" in second["notices"][0]
    json.dumps([first, second], allow_nan=False)


def test_rows_score_as_the_same_table_does(scorer):
    table = steel(rows=30)
    rows = [{name: values[i] for name, values in table.columns.items()} for i in range(table.rows)]
    assert [row["score"] for row in scorer.score_rows(rows)] == pytest.approx(scorer.score_table(table)[0].tolist())


def test_many_rows_are_answered_in_parts_with_the_same_result(scorer, monkeypatch):
    rows = [{**ROWS[i % 2], "temperature": 1500.0 + i} for i in range(11)]
    whole = scorer.score_rows(rows)
    monkeypatch.setattr("algorithms.scorer.ANSWERED_ROWS", 4)
    parts = scorer.score_rows(rows)
    assert [answer["notices"] for answer in parts] == [answer["notices"] for answer in whole]
    assert [answer["score"] for answer in parts] == pytest.approx([answer["score"] for answer in whole], rel=1e-6)
    assert {len(answer["contributions"]) for answer in parts} == {3}


def test_a_row_that_is_refused_has_its_number_among_all_rows(scorer, monkeypatch):
    monkeypatch.setattr("algorithms.scorer.ANSWERED_ROWS", 4)
    with pytest.raises(RowsInvalid, match="row 10: "):
        scorer.score_rows([*[ROWS[0]] * 9, {**ROWS[0], "weight": "heavy"}])


def test_scoring_holds_little_beside_the_answers(scorer):
    rows = ROWS * 20_000
    scorer.score_rows(rows[:10])  # what is cached at the first call
    tracemalloc.start()
    answers = scorer.score_rows(rows)
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(answers) == len(rows)
    # The columns take 24 bytes a row; with features, contributions and their lists it would be 185.
    assert (peak - kept) / len(rows) < 100


def test_an_unknown_field_is_refused(scorer):
    with pytest.raises(RowsInvalid, match="colour"):
        scorer.score_rows([{**ROWS[0], "colour": "red"}])


def test_the_code_and_the_reconstruction_of_rows(encoder):
    identity = Scorer(linear_model(encoder.layout, factor=1.0), encoder, "squared", 1.0)
    features, _ = dense_rows(encoder, ROWS)
    assert identity.encode(ROWS) == features[:, :1].tolist()
    back = identity.reconstruct(ROWS)[0]
    assert back["grade"] == "A"
    assert back["temperature"] == pytest.approx(1500.0, rel=1e-6)


@pytest.mark.parametrize("factor", [3e38, -3e38])
def test_an_overflow_of_the_network_gives_a_finite_score_far_above_all_others(encoder, factor):
    scorer = Scorer(linear_model(encoder.layout, factor=factor), encoder, "squared", 1.0)
    scores, contributions = scorer.score_features(features_of(encoder, 1, 100.0))
    assert np.isfinite(scores).all()
    assert np.isfinite(contributions).all()
    assert scores[0] > 1e70


def test_the_largest_features_give_a_finite_score(scorer, encoder):
    scores, _ = scorer.score_features(features_of(encoder, 1, 3.4e38))
    assert np.isfinite(scores).all()
    assert scores[0] > 1e70


def test_a_saved_scorer_loads_with_the_same_scores_and_threshold(scorer, artifact):
    loaded = Scorer.load(artifact)
    assert loaded.threshold == 0.2
    assert loaded.score_rows(ROWS) == scorer.score_rows(ROWS)


def test_a_changed_threshold_file_is_refused(artifact):
    path = artifact / "preprocess.json"
    path.write_text(path.read_text().replace('"threshold": 0.2', '"threshold": 0.1'))
    with pytest.raises(ArtifactCorrupt, match=r"preprocess\.json"):
        Scorer.load(artifact)


def rewritten(tmp_path, scorer, **fields):
    with write_artifact(tmp_path / "other") as folder:
        scorer.save(folder)
        stored = json.loads((folder / "preprocess.json").read_text())
        (folder / "preprocess.json").write_text(json.dumps({**stored, **fields}))
    return tmp_path / "other"


def test_another_format_is_incompatible(tmp_path, scorer):
    with pytest.raises(ArtifactIncompatible, match="format 2"):
        Scorer.load(rewritten(tmp_path, scorer, format=2))


def test_an_encoder_of_another_width_is_corrupt(tmp_path, scorer):
    other = TabularEncoder.fit(steel(), TabularFeederParams(exclude_column=("grade",)), scaling="asinh")
    with pytest.raises(ArtifactCorrupt, match=r"model\.onnx answers 6 features, preprocess\.json makes 2"):
        Scorer.load(rewritten(tmp_path, scorer, encoder=other.to_dict()))


def test_threads_share_a_scorer(scorer):
    expected = scorer.score_rows(ROWS)
    with ThreadPoolExecutor(8) as pool:
        assert all(answer == expected for answer in pool.map(scorer.score_rows, [ROWS] * 200))


def test_loading_and_scoring_imports_no_training_library(artifact):
    heavy = ["tensorflow", "keras", "torch", "pandas", "pyarrow", "sklearn", "onnx"]
    code = f"""
import sys
from pathlib import Path
from algorithms.scorer import Scorer
Scorer.load(Path({str(artifact)!r})).score_rows({ROWS!r})
print([name for name in {heavy!r} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
