"""Whether evaluation data have what a model trained on other data will need; known from the column types alone."""

from collections.abc import Collection, Mapping
from typing import Any

EMPTY = "empty"
"""Type to give for a column without any value: as evaluation data it fits every type, in training it is left out."""


def unusable_columns(
    feeder: Mapping[str, Any],
    train: Mapping[str, str],
    evaluation: Mapping[str, str],
    labels: Collection[str] = (),
) -> dict[str, str]:
    """Return the columns that training uses and evaluation lacks, or has in a type that does not fit, and why.

    `feeder` are feeder parameters as they are stored; `train` and `evaluation` map column names to "number", "text",
    "date" or "empty". The label, the `labels` of the evaluation and the excluded columns are not used, with
    `encode_column` only those it names are. Text accepts every type as its text, and so does a column of categories.
    """
    left_out = {feeder.get("label_column"), *labels, *(feeder.get("exclude_column") or ())}
    categories = set(feeder.get("categorical_column") or ())
    unusable = {}
    for name in feeder.get("encode_column") or train:
        trained = train.get(name, EMPTY)  # a column that the training data lack is another error
        if name in left_out or trained == EMPTY:
            continue
        given = evaluation.get(name)
        if given is None:
            unusable[name] = f"is missing; the training data have it as {_article(trained)}"
        elif given not in (trained, EMPTY) and trained != "text" and name not in categories:
            unusable[name] = (
                f"is {_article(given)} here and {_article(trained)} in the training data; make them the same"
            )
    return unusable


def _article(column_type: str) -> str:
    return column_type if column_type == "text" else f"a {column_type}"
