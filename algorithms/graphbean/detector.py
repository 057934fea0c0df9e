"""The detector: GraphBEAN with PyOD's vocabulary, for notebooks and for the service's training job."""

import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray

from algorithms.artifacts import verify_artifact, write_artifact
from algorithms.checkpoints import Checkpoints
from algorithms.graphbean.encoder import GraphEncoder
from algorithms.graphbean.export import to_onnx
from algorithms.graphbean.fitting import fit_network
from algorithms.graphbean.graph import BipartiteGraph, Parts
from algorithms.graphbean.history import Epoch
from algorithms.graphbean.inference import residuals_of
from algorithms.graphbean.network import GraphBEAN
from algorithms.graphbean.params import GraphBEANParams
from algorithms.graphbean.scaling import AttributeScaling
from algorithms.graphbean.scorer import GraphScorer
from algorithms.graphbean.scoring import GraphScores, GraphScoring, Residuals
from algorithms.graphbean.thresholds import choose_thresholds
from algorithms.graphbean.training import new_network
from algorithms.params import EvaluationParams
from algorithms.threshold import ThresholdRule

PARAMETERS_FILE, NETWORK_FILE = "parameters.json", "model.safetensors"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Examined:
    """A graph through the eyes of the detector: with scaled attributes, what was not reconstructed, the scores."""

    graph: BipartiteGraph
    residuals: Residuals
    scores: GraphScores


@dataclass(frozen=True)
class Fitted:
    """What a detector has learned; `attributes` name those of the graphs it takes."""

    network: GraphBEAN
    scaling: AttributeScaling
    scoring: GraphScoring
    attributes: Parts[tuple[str, ...]]


@contextmanager
def repeatable(device: torch.device) -> Iterator[None]:
    """Let CUDA add up in a fixed order, so that the same seed gives the same scores; a CPU does so anyway."""
    if device.type != "cuda":
        yield
        return
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS asks for it
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])


class GraphBEANDetector:
    """GraphBEAN on bipartite graphs; nodes and edges that it reconstructs badly are anomalies.

    It computes on CUDA where that is available, else on so many threads of the CPU. `scorer` is the same model as the
    service runs it; its scores agree to 1e-4.

    Attributes, after `fit`; each has a value for the u nodes, the v nodes and the edges of the graph given to it:
        decision_scores_: (n,) scores, the higher the more anomalous.
        contributions_: (n, columns) each column's part of the score, columns as in `columns_`.
        threshold_: a node or edge that scores higher is an anomaly; from the training graph by `contamination`.
        labels_: (n,) 1 for those above the threshold.
        history_: the epochs; examined_: the training graph as the detector sees it; seconds_: by step.

    A loaded detector scores as the saved one did, but has only `threshold_` and `columns_` of these.

    Source: Fathony, Ng, Chen, "Interaction-Focused Anomaly Detection on Bipartite Node-and-Edge-Attributed Graphs",
    IJCNN 2023, doi:10.1109/IJCNN54540.2023.10191331.
    """

    examined_: Examined
    history_: list[Epoch]
    seconds_: dict[str, float]
    threshold_: Parts[float]

    def __init__(
        self,
        params: GraphBEANParams | None = None,
        encoder: GraphEncoder | None = None,
        *,
        threads: int = 1,
        device: str | None = None,
    ) -> None:
        """`encoder` made the graphs of interactions; with it, the saved model scores interactions too."""
        self.params = params or GraphBEANParams()
        self.encoder = encoder
        self.threads = threads
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self._fitted: Fitted | None = None
        self._scorer: GraphScorer | None = None

    def fit(
        self,
        graph: BipartiteGraph,
        *,
        on_epoch: Callable[[Epoch], None] = lambda epoch: None,
        checkpoints: Checkpoints | None = None,
    ) -> Self:
        """Train on a graph with attributes in the units of the data.

        With `checkpoints` it goes on where an earlier attempt was cut off, to the same scores.

        Raises:
            DataError: the training diverged.
        """
        began = time.perf_counter()
        torch.set_num_threads(self.threads)
        scaling = AttributeScaling.fit(graph, self.params)
        scaled = scaling.apply(graph)
        network = new_network(scaled.widths, self.params).to(self.device)
        logger.info("%d u, %d v and %d edges train on %s", *graph.sizes, self.device)
        set_up = time.perf_counter()
        with repeatable(self.device):
            self.history_ = fit_network(network, scaled, self.params, on_epoch, checkpoints)
            trained = time.perf_counter()
            residuals = residuals_of(network, scaled)
        scoring = GraphScoring.fit(self.params, residuals)
        self.examined_ = Examined(scaled, residuals, scoring.score(scaled.edge_index, residuals))
        self.seconds_ = {
            "setup": set_up - began,
            "train": trained - set_up,
            "score": time.perf_counter() - trained,
        }
        self._fitted = Fitted(network, scaling, scoring, self._attributes(graph))
        self._scorer = None
        rule = ThresholdRule.resolve(
            EvaluationParams(), contamination=self.contamination, threshold=self.params.threshold
        )
        thresholds, _ = choose_thresholds(rule, self.contamination, self.decision_scores_)
        self.threshold_ = thresholds.map(lambda threshold: threshold.value)
        return self

    def examine(self, graph: BipartiteGraph) -> Examined:
        """Return what the detector sees in a graph with attributes in the units of the data, trained on or not."""
        scaled = self.fitted_.scaling.apply(graph)
        with repeatable(self.device):
            residuals = residuals_of(self.fitted_.network, scaled)
        return Examined(scaled, residuals, self.fitted_.scoring.score(scaled.edge_index, residuals))

    def score(self, graph: BipartiteGraph) -> GraphScores:
        """Return the scores of a graph and what made them."""
        return self.examine(graph).scores

    def decision_function(self, graph: BipartiteGraph) -> Parts[NDArray[np.float64]]:
        """Return the scores (n,) of u nodes, v nodes and edges, the higher the more anomalous."""
        return self.score(graph).scores

    def predict(self, graph: BipartiteGraph) -> Parts[NDArray[np.int64]]:
        """Return 1 for the u nodes, v nodes and edges (n,) that score above their threshold, 0 for the others."""
        return self._above(self.decision_function(graph))

    @property
    def decision_scores_(self) -> Parts[NDArray[np.float64]]:
        return self.examined_.scores.scores

    @property
    def contributions_(self) -> Parts[NDArray[np.float32]]:
        return self.examined_.scores.contributions

    @property
    def labels_(self) -> Parts[NDArray[np.int64]]:
        return self._above(self.decision_scores_)

    @property
    def contamination(self) -> float:
        """Share of the training graph's nodes, and of its edges, above the threshold."""
        return self.params.contamination

    @property
    def columns_(self) -> Parts[tuple[str, ...]]:
        """The names of the contributions."""
        fitted = self.fitted_
        return fitted.scoring.columns(fitted.scaling.names(fitted.attributes))

    @property
    def fitted_(self) -> Fitted:
        if self._fitted is None:
            raise RuntimeError("this detector is not fitted yet: call fit, or load a saved one")
        return self._fitted

    @property
    def scorer(self) -> GraphScorer:
        """The serving path of the fitted detector; the network is exported when it is first asked for."""
        if self._scorer is None:
            fitted = self.fitted_
            model = to_onnx(fitted.network, self.examined_.graph)
            self._scorer = GraphScorer(
                model, fitted.scaling, fitted.scoring, self.threshold_, fitted.attributes, self.encoder, self.threads
            )
        return self._scorer

    def use_thresholds(self, thresholds: Parts[float]) -> None:
        """Take thresholds chosen by another rule, for example on a labelled graph."""
        self.threshold_ = thresholds
        if self._scorer is not None:
            self._scorer.thresholds = thresholds

    def write(self, folder: Path) -> None:
        """Write the fitted detector into a folder that `write_artifact` gave."""
        self.scorer.save(folder)
        weights = {name: value.cpu().contiguous() for name, value in self.fitted_.network.state_dict().items()}
        (folder / NETWORK_FILE).write_bytes(safetensors.torch.save(weights))
        (folder / PARAMETERS_FILE).write_text(json.dumps({"params": self.params.stored()}, indent=1))

    def save(self, folder: Path) -> None:
        """Write the fitted detector as a new artifact folder."""
        with write_artifact(folder) as partial:
            self.write(partial)

    @classmethod
    def load(cls, folder: Path, *, threads: int = 1, device: str | None = None) -> Self:
        """Return the detector that `save` wrote.

        Raises:
            ArtifactCorrupt: a file is missing or was changed.
            ArtifactIncompatible: it was written in a format of another release.
        """
        verify_artifact(folder, (PARAMETERS_FILE, NETWORK_FILE))
        scorer = GraphScorer.load(folder, threads)
        stored = json.loads((folder / PARAMETERS_FILE).read_text())
        params = GraphBEANParams.model_validate(stored["params"])
        detector = cls(params, scorer.encoder, threads=threads, device=device)
        network = new_network(scorer.scaling.columns.map(lambda columns: columns.width), params)
        network.load_state_dict(safetensors.torch.load_file(folder / NETWORK_FILE))
        detector._fitted = Fitted(network.to(detector.device), scorer.scaling, scorer.scoring, scorer.attributes)
        detector._scorer = scorer
        detector.threshold_ = scorer.thresholds
        return detector

    def _above(self, scores: Parts[NDArray[np.float64]]) -> Parts[NDArray[np.int64]]:
        pairs = zip(scores, self.threshold_, strict=True)
        return Parts(*((values > threshold).astype(np.int64) for values, threshold in pairs))

    def _attributes(self, graph: BipartiteGraph) -> Parts[tuple[str, ...]]:
        if self.encoder is not None:
            return self.encoder.attributes
        return graph.widths.map(lambda width: tuple(f"x{i}" for i in range(width)))
