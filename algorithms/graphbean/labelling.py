"""Labels of the nodes and edges of training and evaluation data, lifted from their rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from algorithms.errors import DataError
from algorithms.graphbean.encoder import InteractionGraph
from algorithms.graphbean.graph import Parts
from algorithms.graphbean.interactions import coded_columns
from algorithms.graphbean.lifting import lift_labels
from algorithms.graphbean.params import GraphFeederParams
from algorithms.labelling import Labels, label_columns, labels_by_node
from algorithms.labels import refuse_unlabelled
from algorithms.params import EvaluationParams
from algorithms.tables.source import TableFiles
from algorithms.tabular.table import Column, texts_of
from algorithms.tabular.wording import percent


@dataclass(frozen=True)
class Labelling:
    """The labels of u, v and edges of each labelled node, 1 for an anomaly, and what they mean."""

    nodes: Mapping[str, Parts[Labels]]
    notices: tuple[str, ...]


def find_labels(
    tables: Mapping[str, Sequence[Path]],
    graphs: Mapping[str, InteractionGraph],
    feed_train: GraphFeederParams,
    feed_test: GraphFeederParams | None,
    evaluation: EvaluationParams,
) -> Labelling:
    """Find the labels of `datasrc` and, if it is there, `evaldata`, whose files and graphs are given.

    eval_node's `label_column` wins, then, for evaldata, that of feed_test, then that of feed_train, which a node may
    lack. Rows that were left out need no label.

    Raises:
        DataError: a column that was named for a node is not there, makes the graph too, or does not hold labels.
    """
    present = {node: TableFiles(paths).columns for node, paths in tables.items()}
    tested = feed_test.label_column if feed_test else None
    named, notices = label_columns(present, feed_train.label_column, tested, evaluation.label_column)
    for name in named.values():
        _refuse_used(name, feed_train)
    columns = {
        node: (name, _kept_cells(tables[node], graphs[node], name, node))
        for node, name in named.items()
        if name in present[node]
    }
    rows, found = labels_by_node(columns)
    share = feed_train.label_share
    lifted = {node: _lifted(labels, graphs[node], share) for node, labels in rows.items()}
    counted = [
        f"{node}: at least {percent(share)} of the rows are anomalies for {labels.u.sum()} of {len(labels.u)} u,"
        f" {labels.v.sum()} of {len(labels.v)} v and {labels.e.sum()} of {len(labels.e)} edges: they are labelled so"
        for node, labels in lifted.items()
    ]
    return Labelling(lifted, (*notices, *found, *counted))


def _kept_cells(paths: Sequence[Path], graph: InteractionGraph, name: str, node: str) -> Column:
    """Return the label column of the rows that were not left out."""
    texts = texts_of(TableFiles(paths).column(name))
    left_out = graph.edge_of_row < 0
    # Checked with all rows, which a message counts, and those left out as if they had a label.
    refuse_unlabelled(np.where(left_out, "", texts), name, node)
    kept: Column = texts[~left_out]
    return kept


def _lifted(labels: Labels, graph: InteractionGraph, share: float) -> Parts[Labels]:
    """Return the labels of u, v and edges, given those of the rows that were not left out."""
    rows = np.zeros(len(graph.edge_of_row), np.int8)
    rows[graph.edge_of_row >= 0] = labels
    return lift_labels(rows, graph, share)


def _refuse_used(label: str, feeder: GraphFeederParams) -> None:
    used = {**coded_columns(feeder), "numeric_columns": feeder.numeric_columns}
    for parameter, names in used.items():
        if label in names:
            why = f"{parameter} of feed_train names the label {label}; a label is never fed to the model"
            raise DataError(why, {parameter: [why]})
