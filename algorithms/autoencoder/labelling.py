"""Which column labels which rows, and that no label is ever fed to the network."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from algorithms.errors import DataError
from algorithms.labels import binary_labels, refuse_unlabelled
from algorithms.params import EvaluationParams
from algorithms.tabular.params import TabularFeederParams
from algorithms.tabular.table import Table, texts_of
from algorithms.tabular.wording import listed, no_such_column

Labels = NDArray[np.int8]


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
    tables: Mapping[str, Table],
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
    named = {"datasrc": evaluation.label_column or feed_train.label_column}
    if "evaldata" in tables:
        own = evaluation.label_column or (feed_test.label_column if feed_test else None)
        named["evaldata"] = own or feed_train.label_column
        _refuse_missing(own, tables["evaldata"], "evaldata")
        if named["datasrc"] not in tables["datasrc"].columns:  # eval_node speaks of evaldata
            named["datasrc"] = feed_train.label_column
    else:
        _refuse_missing(named["datasrc"], tables["datasrc"], "datasrc")

    columns = {node: name for node, name in named.items() if name is not None and name in tables[node].columns}
    notices = [
        f"{node} has no column {name}: it is scored without labels"
        for node, name in named.items()
        if name is not None and node not in columns
    ]
    labels, found = _labels_by_node(tables, columns)
    feeder = _without_labels(feed_train, {*columns.values(), *filter(None, named.values())}, tables["datasrc"])
    return Labelling(feeder, _training_labels(feeder, tables, columns, labels), labels, (*notices, *found))


def unused_settings(feed_train: TabularFeederParams, feed_test: TabularFeederParams | None) -> list[str]:
    """Return a notice about what feed_test says otherwise than feed_train: evaluation data are encoded as training was.

    What it has by default, as one that only names its label does, says nothing.
    """
    if feed_test is None:
        return []
    train, test, default = feed_train.stored(), feed_test.stored(), TabularFeederParams().stored()
    unused = [name for name in test if name != "label_column" and test[name] not in (train[name], default[name])]
    if not unused:
        return []
    return [
        f"feed_test: not used: {listed(unused)}; evaldata are prepared as feed_train says, only label_column counts"
    ]


def _labels_by_node(tables: Mapping[str, Table], columns: Mapping[str, str]) -> tuple[dict[str, Labels], list[str]]:
    """Return the labels by node; nodes that share a column are read together, so that they agree on the anomaly."""
    labels: dict[str, Labels] = {}
    notices = []
    for name in dict.fromkeys(columns.values()):
        nodes = [node for node in columns if columns[node] == name]
        for node in nodes:
            refuse_unlabelled(tables[node].columns[name], name, node)
        together, notice = binary_labels(np.concatenate([texts_of(tables[n].columns[name]) for n in nodes]), name)
        ends = np.cumsum([tables[node].rows for node in nodes])
        labels.update(zip(nodes, np.split(together, ends[:-1]), strict=True))
        notices.append(notice)
    return labels, notices


def _training_labels(
    feeder: TabularFeederParams,
    tables: Mapping[str, Table],
    columns: Mapping[str, str],
    labels: Mapping[str, Labels],
) -> Labels | None:
    name = feeder.label_column
    if feeder.train_on == "all" or name is None:
        return None
    _refuse_missing(name, tables["datasrc"], "datasrc")
    return (
        labels["datasrc"] if columns.get("datasrc") == name else binary_labels(tables["datasrc"].columns[name], name)[0]
    )


def _without_labels(feeder: TabularFeederParams, names: set[str], table: Table) -> TabularFeederParams:
    """Return the feeder with every label column that is not its own excluded."""
    encoded = sorted(names & set(feeder.encode_column or ()))
    if encoded:
        why = f"encode_column of feed_train names the label {encoded[0]}; a label is never fed to the model"
        raise DataError(why, {"encode_column": [why]})
    others = sorted((names & set(table.columns)) - {feeder.label_column, *feeder.exclude_column})
    return feeder.model_copy(update={"exclude_column": (*feeder.exclude_column, *others)})


def _refuse_missing(name: str | None, table: Table, node: str) -> None:
    if name is not None and name not in table.columns:
        why = no_such_column([name], table.columns, owner=f"{node} has")
        raise DataError(f"label_column: {why}", {"label_column": [why]})
