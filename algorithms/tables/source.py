"""The Parquet files of one node as one table, read a block at a time."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from algorithms.ahead import ahead
from algorithms.errors import DataError
from algorithms.tables.values import DTYPES, as_type, refuse_infinite, type_of, values_of
from algorithms.tabular.table import Column, ColumnType, Table, block_rows
from algorithms.tabular.wording import listed


@dataclass(frozen=True)
class _File:
    """A file, `where` to find it, and the type of each of its columns, None for one without any value."""

    path: Path
    where: str
    metadata: Any
    types: Mapping[str, ColumnType | None]

    @classmethod
    def of(cls, path: Path, where: str) -> "_File":
        metadata = pq.read_metadata(path)
        schema = metadata.schema.to_arrow_schema()
        with _naming(where):
            _refuse_same_names(schema.names)
            types: dict[str, ColumnType | None] = {
                name: type_of(name, schema.field(name).type) for name in schema.names
            }
        for position, name in enumerate(schema.names):
            if pa.types.is_null(schema.field(name).type) or _is_empty(metadata, position):
                types[name] = None
        return cls(path, where, metadata, types)

    @property
    def rows(self) -> int:
        return int(self.metadata.num_rows)

    def open(self) -> Any:
        # Texts come as codes and distinct values, as the file holds them: most repeat.
        return pq.ParquetFile(self.path, metadata=self.metadata, read_dictionary=self.metadata.schema.names)


class TableFiles:
    """The rows of all files, in order, as one table with the columns of the first; a `TableSource`.

    A column whose type differs between files is text: numbers in their shortest form (1.50 is "1.5" in every file),
    dates in ISO 8601. A file in which the column has no value at all has no say in its type.
    """

    def __init__(self, paths: Sequence[Path], name: str = "") -> None:
        """Read what the files say of themselves, not their values; messages say the `name` of the node.

        Raises:
            DataError: no file, files that do not have the same columns, or a column that is neither numbers, text nor
                dates.
        """
        if not paths:
            raise DataError("there are no data: upload a file first", {"file": ["no file was uploaded"]})
        self._files = [_File.of(path, _where(name, number, len(paths))) for number, path in enumerate(paths, start=1)]
        with _naming(name):
            _refuse_other_columns([file.types.keys() for file in self._files])
        self.columns: tuple[str, ...] = tuple(self._files[0].types)
        self.rows: int = sum(file.rows for file in self._files)
        found = {name: {kind for file in self._files if (kind := file.types[name])} for name in self.columns}
        self._mixed = frozenset(name for name, types in found.items() if len(types) > 1)
        self.types: dict[str, ColumnType] = {
            name: "text" if name in self._mixed else types.pop() if types else "number" for name, types in found.items()
        }

    def batches(self, columns: Collection[str] | None = None, rows_at_once: int | None = None) -> Iterator[Table]:
        """Yield all rows in blocks, see `TableSource`; the next is read meanwhile, and no more is held.

        Raises:
            DataError: a number is infinite; with the row of its file.
        """
        names = tuple(self.columns if columns is None else columns)
        size = rows_at_once or block_rows(len(names))
        return ahead(_in_blocks((part for file in self._files for part in self._parts(file, names, size)), size))

    def column(self, name: str) -> Column:
        """Return the values (rows,) of one column, see `table`; in a file, equal texts share one object."""
        return self.table([name]).columns[name]

    def table(self, columns: Collection[str] | None = None) -> Table:
        """Return all rows at once.

        Raises:
            DataError: a number is infinite; with the row of its file.
        """
        names = self.columns if columns is None else columns
        whole = {}
        for name in names:  # column by column: one text column at a time is held twice
            parts = []
            for file in self._files:
                with file.open() as parquet:
                    parts.append(self._values(file, parquet.read([name]), name, first_row=0))
            whole[name] = parts[0] if len(parts) == 1 else np.concatenate(parts)
        return Table(whole, self.rows)

    def take(self, rows: NDArray[np.integer[Any]], columns: Collection[str] | None = None) -> Table:
        """Return the rows with these numbers, in this order; only their row groups are read.

        Raises:
            IndexError: there is no such row.
        """
        if len(rows) and not 0 <= rows.min() <= rows.max() < self.rows:
            raise IndexError(f"rows {rows.min()} to {rows.max()} were asked for; there are rows 0 to {self.rows - 1}")
        names = tuple(self.columns if columns is None else columns)
        ascending = np.argsort(rows, kind="stable")
        wanted, first, parts = rows[ascending], 0, []
        for file in self._files:
            with file.open() as parquet:
                for group in range(file.metadata.num_row_groups):
                    end = first + file.metadata.row_group(group).num_rows
                    within = wanted[np.searchsorted(wanted, first) : np.searchsorted(wanted, end)] - first
                    if len(within):
                        parts.append(self._table(file, parquet.read_row_group(group, names).take(within), names))
                    first = end
        if not parts:
            return Table({name: np.empty(0, DTYPES[self.types[name]]) for name in names}, 0)
        return _joined(parts).take(np.argsort(ascending))

    def _parts(self, file: _File, names: Sequence[str], size: int) -> Iterator[Table]:
        first_row = 0
        with file.open() as parquet:
            for group in range(file.metadata.num_row_groups):  # all in one, Arrow would keep what it has read
                for batch in parquet.iter_batches(size, row_groups=[group], columns=names):
                    yield self._table(file, pa.Table.from_batches([batch]), names, first_row)
                    first_row += batch.num_rows

    def _table(self, file: _File, part: Any, names: Sequence[str], first_row: int | None = None) -> Table:
        return Table({name: self._values(file, part, name, first_row) for name in names}, part.num_rows)

    def _values(self, file: _File, part: Any, name: str, first_row: int | None) -> Column:
        """Return a column of a part of a file; without its first row, infinite numbers are let pass."""
        mixed = name in self._mixed
        with _naming(file.where):
            values = values_of(name, part.column(name), digits=mixed)
            if first_row is not None:
                refuse_infinite(name, values, first_row)
        return as_type(values, self.types[name], mixed=mixed)


@contextmanager
def _naming(where: str) -> Iterator[None]:
    """Say where the data are in what is wrong with them."""
    try:
        yield
    except DataError as error:
        raise (error.within(where) if where else error) from None


def _where(name: str, number: int, files: int) -> str:
    return ", ".join(word for word in (name, f"file {number} of {files}" * (files > 1)) if word)


def _is_empty(metadata: Any, column: int) -> bool:
    """Tell whether the file says that a column has no value at all."""
    for group in range(metadata.num_row_groups):
        statistics = metadata.row_group(group).column(column).statistics
        if statistics is None or not statistics.has_null_count or statistics.num_values:
            return False
    return True


def _in_blocks(parts: Iterator[Table], size: int) -> Iterator[Table]:
    """Yield the rows of consecutive tables in blocks of `size` rows, only the last shorter."""
    waiting: list[Table] = []
    count = 0
    for part in parts:
        start = 0
        while part.rows - start >= size - count:
            end = start + size - count
            yield _joined([*waiting, part.part(start, end)])
            waiting, count, start = [], 0, end
        if start < part.rows:
            waiting.append(part.part(start, part.rows))
            count += part.rows - start
    if waiting:
        yield _joined(waiting)


def _joined(parts: Sequence[Table]) -> Table:
    if len(parts) == 1:
        return parts[0]
    names = parts[0].columns
    return Table(
        {name: np.concatenate([part.columns[name] for part in parts]) for name in names},
        sum(part.rows for part in parts),
    )


def _refuse_same_names(names: Sequence[str]) -> None:
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        why = "is there twice; rename one of them, or leave it out"
        raise DataError(f"column {listed(twice)} {why}", {name: [why] for name in twice})


def _refuse_other_columns(files: Sequence[Collection[str]]) -> None:
    first = set(files[0])
    for number, columns in enumerate(files[1:], start=2):
        differences = [
            f"{verb} {listed(sorted(names))}"
            for verb, names in (("lacks", first - set(columns)), ("adds", set(columns) - first))
            if names
        ]
        if differences:
            said = " and ".join(differences)
            why = f"file {number} of {len(files)} does not have the columns of the first: it {said}"
            raise DataError(f"{why}; several files are one dataset and must share their columns", {"file": [why]})
