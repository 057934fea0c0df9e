"""Which column labels which rows, and that no label is ever fed to the network."""

from collections.abc import Mapping
from dataclasses import dataclass

from algorithms.errors import DataError
from algorithms.labelling import Labels, label_columns, labels_by_node, refuse_missing
from algorithms.labels import binary_labels
from algorithms.params import EvaluationParams
from algorithms.tabular.params import TabularFeederParams
from algorithms.tabular.source import TableSource


@dataclass(frozen=True)
class Labelling:
    """The feeder that trains, the labels it trains with, the labels of each labelled node, 1 for an anomaly."""

    feeder: TabularFeederParams
    training: Labels | None
    nodes: Mapping[str, Labels]
    notices: tuple[str, ...]

    @property
    def node_with_both_classes(self) -> str | None:
        """The node, preferably evaldata, whose rows are labelled and have both classes."""
        both = [node for node, labels in self.nodes.items() if 0 < labels.sum() < len(labels)]
        return "evaldata" if "evaldata" in both else next(iter(both), None)


def find_labels(
    tables: Mapping[str, TableSource],
    feed_train: TabularFeederParams,
    feed_test: TabularFeederParams | None,
    evaluation: EvaluationParams,
) -> Labelling:
    """Find the labels of `datasrc` and, if it is there, `evaldata`.

    eval_node's `label_column` wins, then, for evaldata, that of feed_test, then that of feed_train, which a node may
    lack.

    Raises:
        DataError: a column that was named for a node is not there, is encoded too, or does not hold labels.
    """
    present = {node: table.columns for node, table in tables.items()}
    tested = feed_test.label_column if feed_test else None
    named, notices = label_columns(present, feed_train.label_column, tested, evaluation.label_column)
    columns = {node: name for node, name in named.items() if name in present[node]}
    labels, found = labels_by_node({node: (name, tables[node].column(name)) for node, name in columns.items()})
    feeder = _without_labels(feed_train, set(named.values()), tables["datasrc"])
    return Labelling(feeder, _training_labels(feeder, tables, columns, labels), labels, (*notices, *found))


def _training_labels(
    feeder: TabularFeederParams,
    tables: Mapping[str, TableSource],
    columns: Mapping[str, str],
    labels: Mapping[str, Labels],
) -> Labels | None:
    name = feeder.label_column
    if feeder.train_on == "all" or name is None:
        return None
    refuse_missing(name, tables["datasrc"].columns, "datasrc")
    return (
        labels["datasrc"] if columns.get("datasrc") == name else binary_labels(tables["datasrc"].column(name), name)[0]
    )


def _without_labels(feeder: TabularFeederParams, names: set[str], table: TableSource) -> TabularFeederParams:
    """Return the feeder with every label column that is not its own excluded."""
    encoded = sorted(names & set(feeder.encode_column or ()))
    if encoded:
        why = f"encode_column of feed_train names the label {encoded[0]}; a label is never fed to the model"
        raise DataError(why, {"encode_column": [why]})
    others = sorted((names & set(table.columns)) - {feeder.label_column, *feeder.exclude_column})
    return feeder.model_copy(update={"exclude_column": (*feeder.exclude_column, *others)})
