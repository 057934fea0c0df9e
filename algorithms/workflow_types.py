"""The workflow types on offer: which detector, which nodes, which parameters each node takes.

A new detector is one more entry here plus a package with its parameters and a `fit(job)` function.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import algorithms.graphbean.compatibility
import algorithms.tabular.compatibility
from algorithms.autoencoder.params import AutoencoderParams
from algorithms.graphbean.params import GraphBEANParams, GraphFeederParams
from algorithms.params import DataSourceParams, EvaluationParams, Params
from algorithms.tabular.params import TabularFeederParams

Feeder = Mapping[str, Any]
"""Feeder parameters as they are stored."""
Types = Mapping[str, str]
"""Column names to "number", "text", "date" or "empty"."""
Labels = Collection[str]
"""Columns that the evaluation names as its label."""

EDGES = (
    ("datasrc", "feed_train"),
    ("feed_train", "netconf_node"),
    ("evaldata", "feed_test"),
    ("feed_test", "eval_node"),
)
"""The chains that every type shares: one for training, one for evaluation."""


def _every_column_fits(
    feeder: Feeder, columns: Types, first_texts: Mapping[str, str], labels: Labels
) -> dict[str, list[str]]:
    return {}


@dataclass(frozen=True)
class ColumnRules:
    """What can be said before a training about the columns that its parameters name.

    `fields` are the parameters that name columns, `required` those that a training cannot do without. `unfit` gives
    the parameters that name columns of a wrong type, and why (`first_texts`: in words, what made a column text);
    `unusable` the columns that the evaluation data lack or have in a wrong type, and why.
    """

    fields: tuple[str, ...]
    required: Mapping[str, str]  # to what must be done
    unusable: Callable[[Feeder, Types, Types, Labels], dict[str, str]]
    unfit: Callable[[Feeder, Types, Mapping[str, str], Labels], dict[str, list[str]]] = _every_column_fits


@dataclass(frozen=True)
class WorkflowType:
    """A fixed chain of nodes around one detector.

    `fit` names the function that trains, as "module:function"; it is imported in the training child only. `scorer`
    names the class that serves its models, which only a process that predicts imports; `predictions` are the kinds of
    predictions it answers. `score_file` names the function that scores a file, in a child as well, and
    `scoring_options` which of its options such a job takes.
    """

    name: str
    detector: str
    title: str
    nodes: Mapping[str, type[Params]]
    columns: ColumnRules
    fit: str
    scorer: str
    predictions: tuple[str, ...]
    score_file: str
    scoring_options: tuple[str, ...]


WORKFLOW_TYPES: Mapping[str, WorkflowType] = {
    workflow.name: workflow
    for workflow in (
        WorkflowType(
            name="autoencoder_csv",
            detector="autoencoder",
            title="Dense autoencoder on the columns of CSV files",
            nodes={
                "datasrc": DataSourceParams,
                "feed_train": TabularFeederParams,
                "netconf_node": AutoencoderParams,
                "evaldata": DataSourceParams,
                "feed_test": TabularFeederParams,
                "eval_node": EvaluationParams,
            },
            columns=ColumnRules(
                fields=("encode_column", "exclude_column", "label_column", "categorical_column"),
                required={},
                unusable=algorithms.tabular.compatibility.unusable_columns,
            ),
            fit="algorithms.autoencoder.job:fit",
            scorer="algorithms.scorer:Scorer",
            score_file="algorithms.bulk.score_file:score_file",
            scoring_options=("keep",),
            predictions=("anomaly", "autoencoder"),
        ),
        WorkflowType(
            name="graphbean_csv",
            detector="graphbean",
            title="GraphBEAN on the interactions of CSV files: suspicious pairs, and both their ends",
            nodes={
                "datasrc": DataSourceParams,
                "feed_train": GraphFeederParams,
                "netconf_node": GraphBEANParams,
                "evaldata": DataSourceParams,
                "feed_test": GraphFeederParams,
                "eval_node": EvaluationParams,
            },
            columns=ColumnRules(
                fields=("u_column", "v_column", "label_column", "count_distinct", "numeric_columns", "encode_column"),
                required={
                    "u_column": "name the column with the ids of one kind of node, such as buyers",
                    "v_column": "name the column with the ids of the other kind of node, such as sellers",
                },
                unfit=algorithms.graphbean.compatibility.unfit_columns,
                unusable=algorithms.graphbean.compatibility.unusable_columns,
            ),
            fit="algorithms.graphbean.job:fit",
            scorer="algorithms.graphbean.scorer:GraphScorer",
            score_file="algorithms.graphbean.score_interactions:score_file",
            scoring_options=("context",),
            predictions=("graphbean",),
        ),
    )
}
