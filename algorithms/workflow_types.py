"""The workflow types on offer: which detector, which nodes, which parameters each node takes.

A new detector is one more entry here plus a package with its parameters and a `fit(job)` function.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from algorithms.autoencoder.params import AutoencoderParams
from algorithms.params import DataSourceParams, EvaluationParams, Params
from algorithms.tabular.params import TabularFeederParams

EDGES = (
    ("datasrc", "feed_train"),
    ("feed_train", "netconf_node"),
    ("evaldata", "feed_test"),
    ("feed_test", "eval_node"),
)
"""The chains that every type shares: one for training, one for evaluation."""


@dataclass(frozen=True)
class WorkflowType:
    """A fixed chain of nodes around one detector.

    `fit` names the function that trains, as "module:function"; it is imported in the training child only.
    """

    name: str
    detector: str
    title: str
    nodes: Mapping[str, type[Params]]
    fit: str


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
            fit="algorithms.autoencoder.job:fit",
        ),
    )
}
