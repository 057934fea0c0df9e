"""From the parameters and files of a job to graphs and their labels."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from algorithms.errors import DataError
from algorithms.graphbean.encoder import GraphEncoder, InteractionGraph
from algorithms.graphbean.graph import BipartiteGraph, Parts
from algorithms.graphbean.injection import Injected, inject_anomalies
from algorithms.graphbean.labelling import Labelling, find_labels
from algorithms.graphbean.params import GraphBEANParams, GraphFeederParams
from algorithms.graphbean.reading import read_interactions
from algorithms.labelling import Labels
from algorithms.params import EvaluationParams
from algorithms.threshold import ThresholdRule, needs_both_classes

PLANTED = "planted"
"""The copy of datasrc with planted anomalies, among the scored nodes."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """The parameters of a job's nodes."""

    feed_train: GraphFeederParams
    feed_test: GraphFeederParams | None
    network: GraphBEANParams
    evaluation: EvaluationParams

    @classmethod
    def of(cls, parameters: Mapping[str, Mapping[str, Any]]) -> "Settings":
        """Take them from their stored forms; a node that is missing has its defaults."""
        tested = parameters.get("feed_test")
        return cls(
            GraphFeederParams.model_validate(parameters.get("feed_train", {})),
            None if tested is None else GraphFeederParams.model_validate(tested),
            GraphBEANParams.model_validate(parameters.get("netconf_node", {})),
            EvaluationParams.model_validate(parameters.get("eval_node", {})),
        )

    @property
    def threshold_rule(self) -> ThresholdRule:
        return ThresholdRule.resolve(
            self.evaluation, contamination=self.network.contamination, threshold=self.network.threshold
        )


@dataclass(frozen=True)
class Material:
    """What was read: graphs by node, the encoder that made them, their labels, and the planted copy if asked for."""

    encoder: GraphEncoder
    graphs: Mapping[str, InteractionGraph]
    labelling: Labelling
    planted: Injected | None

    @property
    def notices(self) -> list[str]:
        """What was left out or merged, and what labels mean."""
        left_out = [notice for node, made in self.graphs.items() for notice in _left_out(node, made, self.encoder)]
        return [*left_out, *self.encoder.notices, *self.labelling.notices]

    @property
    def training_node(self) -> str:
        """The name of the graph to train on: the planted copy, or else datasrc."""
        return "datasrc" if self.planted is None else PLANTED

    @property
    def training_graph(self) -> BipartiteGraph:
        """The graph to train on."""
        return self.graphs["datasrc"].graph if self.planted is None else self.planted.graph

    @property
    def labels(self) -> dict[str, Parts[Labels]]:
        """The labels of each labelled graph."""
        return {**self.labelling.nodes, **({} if self.planted is None else {PLANTED: self.planted.labels})}


def prepare(tables: Mapping[str, Sequence[Path]], settings: Settings) -> Material:
    """Read the files of each node, make their graphs, find their labels, and plant anomalies if they are asked for.

    Raises:
        DataError: the data do not fit the parameters.
    """
    files = {node: paths for node, paths in tables.items() if paths or node == "datasrc"}
    interactions = read_interactions(files["datasrc"], settings.feed_train)
    encoder = GraphEncoder.fit(interactions, settings.feed_train)
    graphs = {"datasrc": encoder.graph(interactions)}
    del interactions
    if "evaldata" in files:
        try:
            graphs["evaldata"] = encoder.graph(read_interactions(files["evaldata"], settings.feed_train))
        except DataError as error:
            raise DataError(f"evaldata: {error}", error.errors) from None
    for node, made in graphs.items():
        logger.info("%s has %d u, %d v and %d edges", node, *made.graph.sizes)
    labelling = find_labels(files, graphs, settings.feed_train, settings.feed_test, settings.evaluation)
    injection = settings.network.inject_anomalies
    planted = None
    if injection is not None:
        planted = inject_anomalies(graphs["datasrc"].graph, injection, settings.network.seed)
    material = Material(encoder, graphs, labelling, planted)
    labelled = [part for labels in material.labels.values() for part in labels]
    if settings.threshold_rule.rule == "best_f1" and not any(0 < part.sum() < len(part) for part in labelled):
        raise needs_both_classes()
    return material


def _left_out(node: str, made: InteractionGraph, encoder: GraphEncoder) -> list[str]:
    """Say how many rows were left out, and why."""
    u, v = encoder.u_column, encoder.v_column
    lacking = {"u": f"have no {u}", "v": f"have no {v}", "both": f"have neither {u} nor {v}"}
    counts = [f"{made.left_out[ends]} {why}" for ends, why in lacking.items() if made.left_out[ends]]
    if not counts:
        return []
    return [f"{node}: {sum(made.left_out.values())} of {len(made.edge_of_row)} rows are left out: {', '.join(counts)}"]
