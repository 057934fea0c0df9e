"""Interactions: rows that each tie one u to one v, with ids as codes and with numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from algorithms.errors import DataError
from algorithms.graphbean.params import GraphFeederParams
from algorithms.graphbean.texts import Texts


@dataclass(frozen=True, eq=False)
class Coded:
    """A column of texts, each distinct text held once.

    Shapes:
        codes: (N,) int32, positions in `texts`, -1 where missing
        texts: (K,), all different
    """

    codes: NDArray[np.int32]
    texts: Texts

    @classmethod
    def of(cls, texts: Sequence[str | None]) -> Self:
        """Return the column of texts (N,), None where missing."""
        code_of: dict[str | None, int] = {}
        for text in texts:
            if text is not None:
                code_of.setdefault(text, len(code_of))
        distinct = Texts.of(text for text in code_of if text is not None)
        code_of[None] = -1
        return cls(np.fromiter(map(code_of.__getitem__, texts), np.int32, len(texts)), distinct)


@dataclass(frozen=True, eq=False)
class Interactions:
    """The columns that make a graph, N = `rows` cells each.

    `numbers` are float64 with NaN where missing. `columns` are the names of all columns of the table, used or not.
    """

    rows: int
    coded: Mapping[str, Coded]
    numbers: Mapping[str, NDArray[np.float64]]
    columns: tuple[str, ...] = ()


def ends_of(feeder: GraphFeederParams) -> tuple[str, str]:
    """Return the names of the u and v columns.

    Raises:
        DataError: one of them is not set.
    """
    if feeder.u_column is None or feeder.v_column is None:
        ends = {"u_column": feeder.u_column, "v_column": feeder.v_column}
        why = "is not set: name the column with the ids of one kind of node"
        errors = {parameter: [why] for parameter, column in ends.items() if column is None}
        raise DataError("; ".join(f"{parameter} {why}" for parameter in errors), errors)
    return feeder.u_column, feeder.v_column


def coded_columns(feeder: GraphFeederParams) -> dict[str, tuple[str, ...]]:
    """Return the columns of ids and categories by the parameter that names them. Raises as `ends_of` does."""
    u, v = ends_of(feeder)
    return {
        "u_column": (u,),
        "v_column": (v,),
        "count_distinct": feeder.count_distinct,
        "encode_column": feeder.encode_column,
    }
