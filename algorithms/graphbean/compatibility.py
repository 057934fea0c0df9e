"""Whether tables have what a graph is made of; known from the column types alone."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from algorithms.tabular.compatibility import EMPTY
from algorithms.tabular.wording import named

ENDS = ("u_column", "v_column")
FEATURES = ("count_distinct", "numeric_columns", "encode_column")

Types = Mapping[str, str]
"""Column names to "number", "text", "date" or "empty"."""


def unfit_columns(
    feeder: Mapping[str, Any], columns: Types, first_texts: Mapping[str, str], labels: Collection[str] = ()
) -> dict[str, list[str]]:
    """Return the feeder parameters that name a column which cannot be used so, and why.

    `feeder` are feeder parameters as they are stored, `first_texts` the first cell that made a column text, in words,
    where it is known. Ids may be of any type but need a value; sums and means need numbers. `labels` are columns that
    the evaluation names as its label: they are neither ids nor features. Columns that are not there are another error.
    """
    problems: dict[str, list[str]] = {}
    for field in ENDS:
        empty = [named(name) for name in _named_in(feeder, field) if columns.get(name) == EMPTY]
        if empty:
            problems[field] = [f"column {empty[0]} has no value in any row, so there is nothing to connect"]
    texts = [name for name in feeder.get("numeric_columns") or () if columns.get(name) in ("text", "date")]
    if texts:
        problems["numeric_columns"] = [_not_numeric(name, columns[name], first_texts.get(name)) for name in texts]
    for label in labels:
        fields = [field for field in (*ENDS, *FEATURES) if label in _named_in(feeder, field)]
        if fields:
            why = f"{named(label)} is the label of the evaluation and also in {', '.join(fields)}: use it for one"
            problems.setdefault("label_column", []).append(why)
    return problems


def unusable_columns(
    feeder: Mapping[str, Any], train: Types, evaluation: Types, labels: Collection[str] = ()
) -> dict[str, str]:
    """Return the columns that the graph needs and evaluation data lack, or have in a type that does not fit, and why.

    Ids and categories are read as text whatever their type is; labels are not needed.
    """
    unusable = {}
    for name, field in _used(feeder):
        given = evaluation.get(name)
        if name not in train or name in labels:  # another error
            continue
        if given is None:
            unusable[name] = f"is missing; {field} of the training names it"
        elif given == EMPTY and field in ENDS:
            unusable[name] = f"has no value in any row; {field} of the training names it"
        elif given in ("text", "date") and field == "numeric_columns":
            unusable[name] = f"is {'text' if given == 'text' else 'a date'} here; numeric_columns needs numbers"
    return unusable


def _not_numeric(name: str, column_type: str, first_text: str | None) -> str:
    if column_type == "date":
        return f"column {named(name)} holds dates; leave it out of numeric_columns"
    why = f" ({first_text} is no number)" if first_text else ""
    return (
        f"column {named(name)} is text{why}: correct the cells, or name it in encode_column or count_distinct instead"
    )


def _used(feeder: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each column that the graph is made of, with the parameter that names it."""
    for field in (*ENDS, *FEATURES):
        for name in _named_in(feeder, field):
            yield name, field


def _named_in(feeder: Mapping[str, Any], field: str) -> Collection[str]:
    """Return the columns that a parameter names, which takes one or several."""
    value = feeder.get(field) or ()
    return [value] if isinstance(value, str) else value
