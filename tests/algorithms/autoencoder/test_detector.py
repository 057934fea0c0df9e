import numpy as np
import pandas as pd
import pytest
from onnxruntime import InferenceSession

from algorithms.autoencoder.detector import AutoencoderDetector
from algorithms.autoencoder.network import inputs_of
from algorithms.autoencoder.params import AutoencoderParams
from algorithms.errors import ArtifactCorrupt, DataError
from algorithms.tabular.features import Features
from algorithms.tabular.params import TabularFeederParams
from algorithms.tabular.table import Table
from tests.algorithms.contract import DetectorContract, steel


class TestAutoencoderDetector(DetectorContract):
    @pytest.fixture(scope="class")
    @classmethod
    def make(cls):
        return lambda **params: AutoencoderDetector(AutoencoderParams(hidden=(16, 2), recipe="clean", **params))

    @pytest.fixture(scope="class")
    @classmethod
    def load(cls):
        return AutoencoderDetector.load


def quick(**params):
    return AutoencoderParams(**{"hidden": (4, 2), "epochs": 2, **params})


@pytest.fixture(scope="module")
def fitted():
    return AutoencoderDetector(quick()).fit(steel())


def test_contributions_sum_to_the_score(fitted):
    assert fitted.columns_ == ["grade", "temperature", "weight"]
    assert fitted.contributions_.shape == (240, 3)
    assert fitted.contributions_.sum(axis=1) == pytest.approx(fitted.decision_scores_, rel=1e-6)


def test_served_scores_equal_those_of_the_trained_keras_network(fitted):
    encoder = fitted.scorer._encoder
    encoded = encoder.transform(steel())
    features = encoded.dense(encoder.layout)
    reconstruction = fitted.fitted_.network(inputs_of(encoded), training=False)["reconstruction"].numpy()
    squares = np.square(reconstruction.astype(np.float64) - features)
    columns = [squares[:, of_column].sum(axis=1) for of_column in encoder.slices.values()]
    expected = np.log1p(columns).mean(axis=0)
    assert fitted.decision_scores_ == pytest.approx(expected, rel=1e-5)


def test_a_data_frame_is_scored_as_its_table(fitted):
    frame = pd.DataFrame(dict(steel().columns))
    assert np.array_equal(fitted.decision_function(frame), fitted.decision_scores_)


def test_the_threshold_is_the_quantile_of_the_held_out_scores(fitted):
    held_out = fitted.fitted_.split.held_out
    assert len(held_out) == 24
    assert fitted.threshold_ == np.quantile(fitted.decision_scores_[held_out], 0.95)


def test_a_given_threshold_wins():
    assert AutoencoderDetector(quick(threshold=0.25)).fit(steel()).threshold_ == 0.25


def test_training_on_normal_rows_leaves_the_labelled_anomalies_out():
    table = steel()
    label = np.where(np.arange(table.rows) % 4 == 0, 1.0, 0.0)
    labelled = Table({**table.columns, "defect": label}, table.rows)
    feeder = TabularFeederParams(label_column="defect", train_on="normal")
    detector = AutoencoderDetector(quick(), feeder).fit(labelled)
    split = detector.fitted_.split
    assert len(split.train) + len(split.held_out) == 180
    assert not label[np.concatenate([split.train, split.held_out])].any()
    assert "defect" not in detector.columns_
    assert len(detector.decision_scores_) == 240

    by_hand = AutoencoderDetector(quick(), feeder).fit(labelled, label)
    assert np.array_equal(by_hand.decision_scores_, detector.decision_scores_)


def test_labels_of_the_wrong_length_are_refused():
    with pytest.raises(ValueError, match=r"labels have shape \(3,\); expected \(240,\)"):
        AutoencoderDetector(quick()).fit(steel(), [0, 1, 0])


def test_a_label_column_that_is_not_there_is_named():
    feeder = TabularFeederParams(label_column="defect", train_on="normal")
    with pytest.raises(DataError, match="label_column: no such column: defect; the data have: grade, ") as caught:
        AutoencoderDetector(quick(), feeder).fit(steel())
    assert "label_column" in caught.value.errors


def test_it_says_that_it_is_not_fitted():
    with pytest.raises(RuntimeError, match="not fitted yet"):
        AutoencoderDetector().decision_function(steel())


def test_a_changed_model_is_not_loaded(fitted, tmp_path):
    fitted.save(tmp_path / "artifact")
    with (tmp_path / "artifact" / "model.onnx").open("ab") as file:
        file.write(b"x")
    with pytest.raises(ArtifactCorrupt, match=r"model\.onnx"):
        AutoencoderDetector.load(tmp_path / "artifact")


def test_the_saved_model_is_plain_onnx_with_two_outputs(fitted, tmp_path):
    fitted.save(tmp_path / "artifact")
    session = InferenceSession((tmp_path / "artifact" / "model.onnx").read_bytes())
    assert {output.name for output in session.get_outputs()} == {"reconstruction", "code"}


def test_the_classic_recipe_scales_to_the_unit_interval_and_answers_within_it(tmp_path):
    detector = AutoencoderDetector(quick(recipe="classic")).fit(steel())
    encoder = detector.scorer._encoder
    features = encoder.transform(steel().take(detector.fitted_.split.train))
    assert features.numbers.min() == 0
    assert features.numbers.max() == 1
    far = Features(features.numbers * 100, features.slots)
    reconstruction = detector.fitted_.network(inputs_of(far), training=False)["reconstruction"].numpy()
    assert reconstruction.min() >= 0
    assert reconstruction.max() <= 1
