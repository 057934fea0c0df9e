"""Reads the Parquet files of one node as one table in memory."""

from collections.abc import Collection, Sequence
from pathlib import Path

from algorithms.tables.source import TableFiles
from algorithms.tabular.table import Table


def read_tables(paths: Sequence[Path], columns: Collection[str] | None = None) -> Table:
    """Return the rows of all files, in order, as one table with all columns or these; see `TableFiles`."""
    return TableFiles(paths).table(columns)


def columns_of(paths: Sequence[Path]) -> tuple[str, ...]:
    """Return the names of the columns that all files have, in the order of the first; see `TableFiles`."""
    return TableFiles(paths).columns
