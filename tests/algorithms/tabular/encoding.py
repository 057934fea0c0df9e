"""Encoded rows spelled out, one number a feature, for tests to look at."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algorithms.tabular.encoder import TabularEncoder
from algorithms.tabular.table import Table


def dense(encoder: TabularEncoder, table: Table) -> NDArray[np.float32]:
    """Return the features (rows, width) of a table."""
    return encoder.transform(table).dense(encoder.layout)


def dense_rows(encoder: TabularEncoder, rows: Sequence[Any]) -> tuple[NDArray[np.float32], list[list[str]]]:
    """Return the features (N, width) of rows of JSON values, and the notices of each."""
    table = encoder.table_of_rows(rows)
    return dense(encoder, table), encoder.unseen(table)
