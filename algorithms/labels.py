"""Labels: a column of two values becomes 0 (normal) and 1 (anomaly)."""

import numpy as np
from numpy.typing import NDArray

from algorithms.errors import DataError
from algorithms.tabular.table import Column, texts_of
from algorithms.tabular.wording import listed, named, percent, quoted

_NORMAL = frozenset({"0", "0.0", "false", "no", "n", "normal"})
_ANOMALY_OF = {"0": {"1"}, "0.0": {"1.0"}, "false": {"true"}, "no": {"yes"}, "n": {"y"}}


def binary_labels(column: Column, name: str) -> tuple[NDArray[np.int8], str]:
    """Return the labels (N,) of a column of two values, 1 for an anomaly, and a notice that says which value it is.

    Of 0/1, false/true, no/yes, n/y (in any case) the second is the anomaly, of "normal" and another value the other
    one; otherwise the rarer value, and of two equally frequent ones the one that sorts last.

    Raises:
        DataError: missing cells, or not exactly two values.
    """
    texts = texts_of(column).tolist()
    if None in texts:
        why = f"row {texts.index(None) + 1} has no label; fill in or remove the rows without one"
        raise _not_labels(name, why)
    values, counts = np.unique(np.array(texts, dtype=object), return_counts=True)
    if len(values) != 2:
        seen = listed((quoted(value) for value in values), at_most=5) or "none"
        raise _not_labels(name, f"a label has two values, such as 0 and 1; this column has {len(values)}: {seen}")
    anomaly, why = _anomaly(values.tolist(), counts.tolist())
    labels = np.fromiter((text == anomaly for text in texts), dtype=np.int8, count=len(texts))
    share = percent(float(labels.mean()))
    return labels, f"label {named(name)}: {quoted(anomaly)} is the anomaly ({why}), {share} of the rows"


def _anomaly(values: list[str], counts: list[int]) -> tuple[str, str]:
    """Return which of two values (sorted) is the anomaly, and why."""
    for normal, other in (values, values[::-1]):
        key = normal.strip().lower()
        if key in _NORMAL and other.strip().lower() in _ANOMALY_OF.get(key, {other.strip().lower()}):
            return other, f"{quoted(normal)} is normal"
    return (values[0] if counts[0] < counts[1] else values[1]), "the rarer value"


def _not_labels(name: str, why: str) -> DataError:
    return DataError(f"label column {named(name)}: {why}", {name: [why]})
