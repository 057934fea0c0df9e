"""Why a row scores as it does: column by column, what it has beside what the model expected."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algorithms.tabular.categories import CategoryEncoder
from algorithms.tabular.cells import date_text, number_text
from algorithms.tabular.encoder import TabularEncoder
from algorithms.tabular.table import Table

SIGNIFICANT = 4
"""Digits of a number in a sentence."""


def explanations(
    encoder: TabularEncoder,
    table: Table,
    reconstruction: NDArray[np.float32],
    contributions: Sequence[dict[str, float]],
) -> Iterator[list[dict[str, Any]]]:
    """Yield for each of the N rows of a table its columns by falling contribution.

    Each has column, contribution, share (of the score), actual and expected in the units of the data (a missing value
    is null, or "(missing)" where it is a category), confidence and text. The confidence is how strongly the network
    gives the expected category, its reconstructed slot cut to [0, 1]; null of numbers and dates.

    Shapes:
        reconstruction: (N, layout.width) features as the network answers them
    """
    expected = encoder.decode(reconstruction)
    confidences = {
        name: reconstruction[:, encoder.slices[name]].max(axis=1).clip(0, 1)
        for name, column in encoder.columns.items()
        if isinstance(column, CategoryEncoder)
    }
    for row, shares in enumerate(contributions):
        total = sum(shares.values())
        explained = []
        for name in sorted(shares, key=lambda name: -shares[name]):
            actual, wanted = _json_value(table.columns[name][row]), expected[row][name]
            confidence = float(confidences[name][row]) if name in confidences else None
            explained.append(
                {
                    "column": name,
                    "contribution": shares[name],
                    "share": shares[name] / total if total > 0 else 0.0,
                    "actual": actual,
                    "expected": wanted,
                    "confidence": confidence,
                    "text": _sentence(name, actual, wanted, confidence),
                }
            )
        yield explained


def _json_value(value: Any) -> Any:
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else date_text(value.item())
    if isinstance(value, float):
        return None if np.isnan(value) else float(value)
    return value


def _sentence(name: str, actual: Any, expected: Any, confidence: float | None) -> str:
    is_what = "is missing" if actual is None else f"is {shown(actual)}"
    said = f"{name} {is_what}, the model expected {shown(expected)}"
    return said if confidence is None else f"{said}, {confidence:.2f}"


def shown(value: Any) -> str:
    """Return a value as a sentence has it: numbers rounded to four significant digits."""
    if isinstance(value, float):
        return number_text(float(f"{value:.{SIGNIFICANT}g}"))
    return "nothing" if value is None else str(value)
