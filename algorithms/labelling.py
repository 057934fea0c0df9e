"""Which column labels which rows of the training and the evaluation data."""

from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import NDArray

from algorithms.errors import DataError
from algorithms.labels import labels_together, refuse_unlabelled
from algorithms.params import Params
from algorithms.tabular.table import Column
from algorithms.tabular.wording import listed, no_such_column

Labels = NDArray[np.int8]


def label_columns(
    present: Mapping[str, Collection[str]], trained: str | None, tested: str | None, evaluated: str | None
) -> tuple[dict[str, str], list[str]]:
    """Return the label column that is named for `datasrc` and, if it is there, `evaldata`, and notices of lacking ones.

    `present` are the columns of each of them. That of eval_node, `evaluated`, wins, then, for evaldata, that of
    feed_test, `tested`, then that of feed_train, `trained`, which a node may lack.

    Raises:
        DataError: a column that was named for a node is not there.
    """
    named = {"datasrc": evaluated or trained}
    if "evaldata" in present:
        own = evaluated or tested
        named["evaldata"] = own or trained
        refuse_missing(own, present["evaldata"], "evaldata")
        if named["datasrc"] not in present["datasrc"]:  # eval_node speaks of evaldata
            named["datasrc"] = trained
    else:
        refuse_missing(named["datasrc"], present["datasrc"], "datasrc")
    given = {node: name for node, name in named.items() if name is not None}
    notices = [
        f"{node} has no column {name}: it is scored without labels"
        for node, name in given.items()
        if name not in present[node]
    ]
    return given, notices


def labels_by_node(columns: Mapping[str, tuple[str, Column]]) -> tuple[dict[str, Labels], list[str]]:
    """Return the labels of each node, given the name and the cells of its label column, and what they mean.

    Nodes that share a column are read together, so that they agree on the anomaly.

    Raises:
        DataError: a cell is missing, or a column does not hold labels.
    """
    labels: dict[str, Labels] = {}
    notices = []
    for name in dict.fromkeys(name for name, _ in columns.values()):
        cells = {node: column for node, (own, column) in columns.items() if own == name}
        for node, column in cells.items():
            refuse_unlabelled(column, name, node)
        together, notice = labels_together(list(cells.values()), name)
        labels.update(zip(cells, together, strict=True))
        notices.append(notice)
    return labels, notices


def unused_settings(feed_train: Params, feed_test: Params | None) -> list[str]:
    """Return a notice about what feed_test says otherwise than feed_train: evaluation data are encoded as training was.

    What it has by default, as one that only names its label does, says nothing.
    """
    if feed_test is None:
        return []
    train, test, default = feed_train.stored(), feed_test.stored(), type(feed_train)().stored()
    unused = [name for name in test if name != "label_column" and test[name] not in (train[name], default[name])]
    if not unused:
        return []
    return [
        f"feed_test: not used: {listed(unused)}; evaldata are prepared as feed_train says, only label_column counts"
    ]


def refuse_missing(name: str | None, present: Collection[str], node: str) -> None:
    """Refuse a label column that is not among those of a node.

    Raises:
        DataError: naming it and those that are.
    """
    if name is not None and name not in present:
        why = no_such_column([name], present, owner=f"{node} has")
        raise DataError(f"label_column: {why}", {"label_column": [why]})
