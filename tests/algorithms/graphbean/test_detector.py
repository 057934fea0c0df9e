import json

import numpy as np
import pytest
import torch

from algorithms.errors import ArtifactCorrupt
from algorithms.graphbean.detector import GraphBEANDetector
from algorithms.graphbean.params import GraphBEANParams
from tests.algorithms.graph_contract import GraphDetectorContract, claims

CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA here")


def quick(**params):
    return GraphBEANParams(
        **{"hidden_channels": 8, "latent_channels": 4, "edge_pred_latent": 4, "epochs": 60, **params}
    )


class OnTheCPU(GraphDetectorContract):
    device = "cpu"
    settings: dict = {}

    @pytest.fixture(scope="class")
    @classmethod
    def make(cls):
        return lambda **params: GraphBEANDetector(quick(**cls.settings, **params), device=cls.device)

    @pytest.fixture(scope="class")
    @classmethod
    def load(cls):
        return lambda folder: GraphBEANDetector.load(folder, device=cls.device)


class TestReconstruction(OnTheCPU):
    pass


class TestCollective(OnTheCPU):
    settings = {"scoring": "collective"}


class TestSampled(OnTheCPU):
    settings = {"training": "sampled", "batch_size": 100, "epochs": 20}


@CUDA
class TestReconstructionOnCUDA(OnTheCPU):
    device = "cuda"


@CUDA
class TestCollectiveOnCUDA(TestReconstructionOnCUDA):
    settings = {"scoring": "collective"}


@pytest.fixture(scope="module")
def fitted():
    return GraphBEANDetector(quick(epochs=3)).fit(claims())


def test_thresholds_are_the_quantiles_of_the_training_scores(fitted):
    for threshold, scores in zip(fitted.threshold_, fitted.decision_scores_, strict=True):
        assert threshold == np.quantile(scores, 0.95)


def test_a_given_threshold_is_that_of_the_edges():
    detector = GraphBEANDetector(quick(epochs=1, threshold=0.25)).fit(claims())
    assert detector.threshold_.e == 0.25
    assert detector.threshold_.u == np.quantile(detector.decision_scores_.u, 0.95)


def test_every_epoch_is_reported():
    seen = []
    detector = GraphBEANDetector(quick(epochs=3)).fit(claims(), on_epoch=seen.append)
    assert [epoch.epoch for epoch in seen] == [1, 2, 3]
    assert detector.history_ == seen


def test_it_says_that_it_is_not_fitted():
    with pytest.raises(RuntimeError, match="not fitted yet"):
        GraphBEANDetector().decision_function(claims())


def test_a_graph_with_other_attributes_is_refused(fitted):
    graph = claims()
    with pytest.raises(ValueError, match="e has 1 attributes, the training graph had 2"):
        fitted.decision_function(type(graph)(graph.edge_index, graph.x._replace(e=graph.x.e[:, :1])))


@pytest.fixture(scope="module")
def artifact(fitted, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "artifact"
    fitted.save(folder)
    return folder


def test_an_artifact_holds_no_pickle(artifact):
    files = {path.name for path in artifact.iterdir()}
    assert files == {"manifest.json", "model.onnx", "model.safetensors", "parameters.json", "preprocess.json"}
    assert GraphBEANParams.model_validate(json.loads((artifact / "parameters.json").read_text())["params"]) == quick(
        epochs=3
    )


@pytest.mark.parametrize("name", ["model.onnx", "model.safetensors", "preprocess.json", "parameters.json"])
def test_a_changed_file_is_not_loaded(artifact, tmp_path, name):
    copy = tmp_path / "artifact"
    copy.mkdir()
    for path in artifact.iterdir():
        (copy / path.name).write_bytes(path.read_bytes() + (b" " if path.name == name else b""))
    with pytest.raises(ArtifactCorrupt, match=name.replace(".", r"\.")):
        GraphBEANDetector.load(copy)


def test_thresholds_chosen_later_are_served_too(artifact):
    detector = GraphBEANDetector.load(artifact)
    detector.use_thresholds(detector.threshold_._replace(u=0.0))
    assert detector.predict(claims()).u.all()
    assert detector.scorer.thresholds.u == 0.0
