"""Where rows come from: a table in memory, or files that are read a block at a time."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from algorithms.tabular.table import Column, ColumnType, Table


class TableSource(Protocol):
    """Rows in their order; `columns` are the names of the columns, `types` what each holds."""

    @property
    def rows(self) -> int: ...

    @property
    def columns(self) -> Collection[str]: ...

    @property
    def types(self) -> Mapping[str, ColumnType]: ...

    def batches(self, columns: Collection[str] | None = None, rows_at_once: int | None = None) -> Iterator[Table]:
        """Yield all rows as blocks of exactly `rows_at_once`, only the last shorter, with all columns or these.

        By default a block has 65,536 rows, fewer of more than 64 columns; how many depends on nothing else, so that
        whatever is computed block by block is the same for every source.
        """
        ...

    def column(self, name: str) -> Column:
        """Return the values (rows,) of one column."""
        ...

    def take(self, rows: NDArray[np.integer[Any]], columns: Collection[str] | None = None) -> Table:
        """Return the rows with these numbers, in this order."""
        ...


def masked(blocks: Iterable[Table], rows: NDArray[np.bool_]) -> Iterator[Table]:
    """Yield of consecutive blocks the rows where the mask (N,) of all rows is true; blocks without any are left out."""
    start = 0
    for block in blocks:
        chosen = rows[start : start + block.rows]
        start += block.rows
        if chosen.all():
            yield block
        elif chosen.any():
            yield block.take(chosen)
