"""Columns of which nothing is kept: no value, no contribution, no count (NNSERVICE_LOG_MASK)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from django.conf import settings

from algorithms.drift.tally import Tally

PARTS = ("u: ", "v: ", "edge: ")
MADE_OF = ("distinct", "sum", "mean")
"""How attributes of a graph are called that are made of a column (algorithms.graphbean.encoder)."""

Value = TypeVar("Value")


def is_masked(name: str) -> bool:
    """Tell whether a column is masked, or the column that an attribute of a graph is made of."""
    masked = settings.LOG_MASK
    if not masked:
        return False
    for part in PARTS:
        name = name.removeprefix(part)
    if name in masked:
        return True
    made, _, column = name.partition(" ")
    if made in MADE_OF:
        return column in masked
    return made == "share" and any(column.startswith(f"{hidden}=") for hidden in masked)


def unmasked(values: Mapping[str, Value]) -> Mapping[str, Value]:
    """Return the values by column without those of masked columns."""
    if not settings.LOG_MASK:
        return values
    return {name: value for name, value in values.items() if not is_masked(name)}


def unmasked_tally(tally: Tally) -> Tally:
    """Return a tally without the counts of masked columns."""
    return replace(tally, columns=unmasked(tally.columns), contributions=unmasked(tally.contributions))
