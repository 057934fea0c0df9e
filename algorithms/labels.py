"""Labels: a column of two values, or of one known value, becomes 0 (normal) and 1 (anomaly)."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algorithms.errors import DataError
from algorithms.tabular.table import MOST_BLOCK_ROWS, Column, texts_of
from algorithms.tabular.wording import listed, named, percent, quoted

_NORMAL = frozenset({"0", "0.0", "false", "no", "n", "normal"})
_ANOMALY_OF = {"0": {"1"}, "0.0": {"1.0"}, "false": {"true"}, "no": {"yes"}, "n": {"y"}}
_ANOMALIES = frozenset().union(*_ANOMALY_OF.values())


def binary_labels(column: Column, name: str) -> tuple[NDArray[np.int8], str]:
    """Return the labels (N,) of a column of two values, 1 for an anomaly, and a notice that says which value it is.

    Of 0/1, false/true, no/yes, n/y (in any case) the second is the anomaly, of "normal" and another value the other
    one; otherwise the rarer value, and of two equally frequent ones the one that sorts last. A column of one value only
    is accepted when it is one of these words: all rows are normal, or all are anomalies.

    Raises:
        DataError: missing cells, or neither two values nor one that is known.
    """
    refuse_unlabelled(column, name)
    [labels], notice = labels_together([column], name)
    return labels, notice


def labels_together(columns: Sequence[Column], name: str) -> tuple[list[NDArray[np.int8]], str]:
    """Return the labels of several columns (N,) without missing cells, read as if they were one: see `binary_labels`.

    Raises:
        DataError: neither two values nor one that is known.
    """
    distinct = [_distinct(column) for column in columns]
    counts = sum((Counter({text: count for text, (_, count) in found.items()}) for found in distinct), Counter[str]())
    values = sorted(counts)
    if len(values) == 1 and (label := _known(values[0])) is not None:
        rows = "anomalies" if label else "normal"
        notice = f"label {named(name)}: {quoted(values[0])} is its only value, so all rows are {rows}"
        return [np.full(len(column), label, np.int8) for column in columns], notice
    if len(values) != 2:
        seen = listed((quoted(value) for value in values), at_most=5) or "none"
        raise _not_labels(name, f"a label has two values, such as 0 and 1; this column has {len(values)}: {seen}")
    anomaly, why = _anomaly(values, [counts[value] for value in values])
    labels = [
        (column == found[anomaly][0]).astype(np.int8) if anomaly in found else np.zeros(len(column), np.int8)
        for column, found in zip(columns, distinct, strict=True)
    ]
    share = percent(counts[anomaly] / counts.total())
    return labels, f"label {named(name)}: {quoted(anomaly)} is the anomaly ({why}), {share} of the rows"


def refuse_unlabelled(column: Column, name: str, node: str | None = None) -> None:
    """Refuse a label column, that of `node`, with a missing cell.

    Raises:
        DataError: naming its first such row, counted from 1.
    """
    missing = column == None if column.dtype == np.dtype("O") else np.isnan(column)  # noqa: E711  element by element
    if missing.any():
        row = f"row {int(missing.argmax()) + 1}" + ("" if node is None else f" of {node}")
        raise _not_labels(name, f"{row} has no label; fill in or remove the rows without one")


def _distinct(column: Column) -> dict[str, tuple[Any, int]]:
    """Return the distinct values of a column (N,), by their text, and how often each occurs."""
    if column.dtype != np.dtype("O"):
        values, counts = np.unique(column, return_counts=True)
        return dict(zip(texts_of(values).tolist(), zip(values, counts.tolist(), strict=True), strict=True))
    found: Counter[str] = Counter()
    for start in range(0, len(column), MOST_BLOCK_ROWS):
        found.update(column[start : start + MOST_BLOCK_ROWS].tolist())
    return {text: (text, count) for text, count in found.items()}


def _known(value: str) -> int | None:
    """Return the label that a value means by itself, None if it means none."""
    word = value.strip().lower()
    return 0 if word in _NORMAL else 1 if word in _ANOMALIES else None


def _anomaly(values: list[str], counts: list[int]) -> tuple[str, str]:
    """Return which of two values (sorted) is the anomaly, and why."""
    for normal, other in (values, values[::-1]):
        key = normal.strip().lower()
        if key in _NORMAL and other.strip().lower() in _ANOMALY_OF.get(key, {other.strip().lower()}):
            return other, f"{quoted(normal)} is normal"
    return (values[0] if counts[0] < counts[1] else values[1]), "the rarer value"


def _not_labels(name: str, why: str) -> DataError:
    return DataError(f"label column {named(name)}: {why}", {name: [why]})
