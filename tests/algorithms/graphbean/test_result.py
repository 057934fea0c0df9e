import numpy as np
import pytest

from algorithms.graphbean.detector import GraphBEANDetector
from algorithms.graphbean.graph import Parts
from algorithms.graphbean.history import Epoch
from algorithms.graphbean.objective import EdgePrediction
from algorithms.graphbean.params import GraphBEANParams
from algorithms.graphbean.result import ScoredNode, graph_metrics, loss_history, top_anomalies
from algorithms.graphbean.texts import Texts
from tests.algorithms.graph_contract import SIZES, claims

PARAMS = GraphBEANParams(hidden_channels=4, latent_channels=4, edge_pred_latent=4, epochs=3, log_degree=True)


@pytest.fixture(scope="module")
def detector():
    return GraphBEANDetector(PARAMS, device="cpu").fit(claims())


@pytest.fixture(scope="module")
def node(detector):
    ids = Texts.of(f"u{i}" for i in range(SIZES[0])), Texts.of(f"v{i}" for i in range(SIZES[1]))
    rows = Parts(*(np.arange(size) for size in SIZES))
    return ScoredNode(claims(), ids, rows, detector.examined_, None)


def labelled(node, *anomalies):
    labels = [np.isin(np.arange(size), those).astype(np.int8) for size, those in zip(SIZES, anomalies, strict=True)]
    return ScoredNode(node.graph, node.ids, node.rows, node.examined, Parts(*labels))


def test_every_part_has_its_own_metrics(detector, node):
    metrics, notices = graph_metrics(detector, node)
    for part, size, scores, threshold in zip("uve", SIZES, detector.decision_scores_, detector.threshold_, strict=True):
        assert metrics[part]["rows"] == size
        assert metrics[part]["flagged"] == (scores > threshold).sum()
        assert "roc_auc" not in metrics[part]
    assert metrics["baselines"] is None
    assert notices == []


def test_rmse_is_the_root_of_the_mean_squared_residuals(detector, node):
    rmse = graph_metrics(detector, node)[0]["rmse"]
    residuals = detector.examined_.residuals.x
    assert rmse["e"]["all"] == pytest.approx(np.sqrt(np.square(residuals.e).mean()), rel=1e-6)
    assert list(rmse["u"]["by_attribute"]) == ["x0", "x1", "log degree"]
    assert rmse["u"]["by_attribute"]["x1"] == pytest.approx(np.sqrt(np.square(residuals.u[:, 1]).mean()), rel=1e-6)


def test_labels_are_ranked_beside_the_baselines(detector, node):
    busiest = int(np.argmax(node.graph.degrees()[0]))
    metrics, notices = graph_metrics(detector, labelled(node, [busiest], [], [3, 4]))
    assert metrics["baselines"]["degree"]["u"] == {"roc_auc": 1.0, "average_precision": 1.0}
    assert metrics["baselines"]["mahalanobis"]["v"] == {"roc_auc": None, "average_precision": None}
    assert 0 <= metrics["baselines"]["isolation_forest"]["e"]["roc_auc"] <= 1
    assert metrics["e"]["anomalies"] == 2
    assert any(notice.startswith("v nodes: all 40 evaluated rows are normal rows") for notice in notices)


def test_labels_and_scores_are_given_together_where_both_classes_are(detector, node):
    with_labels = labelled(node, [1], [], [3])
    scores, labels = with_labels.labelled(0)
    assert scores is detector.decision_scores_.u
    assert labels.sum() == 1
    assert with_labels.labelled(1) is None
    assert node.labelled(0) is None


def test_the_top_anomalies_fall_and_say_who_they_are_and_what_was_expected(detector, node):
    top = top_anomalies(detector, labelled(node, [], [], range(SIZES[2])))
    assert [len(top[part]) for part in "uve"] == [10, 10, 10]
    edge = top["e"][0]
    place = int(np.argmax(detector.decision_scores_.e))
    u, v = node.graph.edge_index[:, place]
    assert (edge["u"], edge["v"], edge["rows"], edge["label"]) == (f"u{u}", f"v{v}", place, 1)
    assert edge["score"] == detector.decision_scores_.e.max()
    assert edge["values"] == {"x0": node.graph.x.e[place, 0], "x1": node.graph.x.e[place, 1]}
    mean, deviation = node.graph.x.e.mean(axis=0), node.graph.x.e.std(axis=0)
    reconstructed = detector.examined_.graph.x.e[place] + detector.examined_.residuals.x.e[place]
    assert list(edge["expected"].values()) == pytest.approx(reconstructed * deviation + mean, rel=1e-5)
    assert [entry["score"] for entry in top["u"]] == sorted((e["score"] for e in top["u"]), reverse=True)
    # The degree is no attribute of the data: it is a reason, but has neither value nor expectation.
    assert "log degree" in top["u"][0]["contributions"]
    assert set(top["u"][0]["values"]) == set(top["u"][0]["expected"]) == {"x0", "x1"}


def test_a_small_graph_has_fewer_than_ten(detector):
    graph = claims((3, 2, 4))
    ids = Texts.of("abc"), Texts.of("xy")
    small = ScoredNode(graph, ids, Parts(*map(np.arange, graph.sizes)), detector.examine(graph), None)
    assert [len(entries) for entries in top_anomalies(detector, small).values()] == [3, 2, 4]


def test_the_history_is_thinned_and_has_no_times():
    epochs = [Epoch(i, 5.0, 1.0, 2.0, 3.0, 4.0, EdgePrediction(0.1, 0.2, 0.3, 0.4), 9.0) for i in range(1, 3001)]
    history = loss_history(epochs)
    assert len(history) == 1000
    assert history[-1] == {
        "epoch": 3000,
        "loss": 5.0,
        "u": 1.0,
        "v": 2.0,
        "e": 3.0,
        "structure": 4.0,
        "accuracy": 0.1,
        "precision": 0.2,
        "recall": 0.3,
        "f1": 0.4,
    }
