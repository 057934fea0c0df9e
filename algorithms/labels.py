"""Labels: a column of two values, or of one known value, becomes 0 (normal) and 1 (anomaly)."""

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from algorithms.errors import DataError
from algorithms.tabular.table import Column, texts_of
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
    texts = texts_of(column).tolist()
    counts = Counter(texts)
    values = sorted(counts)
    if len(values) == 1 and (label := _known(values[0])) is not None:
        rows = "anomalies" if label else "normal"
        notice = f"label {named(name)}: {quoted(values[0])} is its only value, so all rows are {rows}"
        return np.full(len(texts), label, np.int8), notice
    if len(values) != 2:
        seen = listed((quoted(value) for value in values), at_most=5) or "none"
        raise _not_labels(name, f"a label has two values, such as 0 and 1; this column has {len(values)}: {seen}")
    anomaly, why = _anomaly(values, [counts[value] for value in values])
    labels = np.fromiter((text == anomaly for text in texts), dtype=np.int8, count=len(texts))
    share = percent(float(labels.mean()))
    return labels, f"label {named(name)}: {quoted(anomaly)} is the anomaly ({why}), {share} of the rows"


def refuse_unlabelled(column: Column, name: str, node: str | None = None) -> None:
    """Refuse a label column, that of `node`, with a missing cell.

    Raises:
        DataError: naming its first such row, counted from 1.
    """
    texts = texts_of(column).tolist()
    if None in texts:
        row = f"row {texts.index(None) + 1}" + ("" if node is None else f" of {node}")
        raise _not_labels(name, f"{row} has no label; fill in or remove the rows without one")


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
