"""Reads a CSV file as batches of text columns and says which row is broken."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from algorithms.ahead import ahead
from algorithms.errors import DataError
from algorithms.tables.dialect import Dialect
from algorithms.tables.stream import Pace, Utf8Stream
from algorithms.tabular.cells import BLANKS
from algorithms.tabular.wording import listed, named

MIN_BLOCK_BYTES, MAX_BLOCK_BYTES = 4 << 20, 32 << 20
"""How much is parsed at a time, and so the longest row."""
BLOCK_BYTES_PER_COLUMN = 8 << 10
"""Blocks of a wide file are larger, so that a column's batch keeps a thousand cells."""
MIN_LARGE_BYTES, MAX_LARGE_BYTES = 8 << 20, 32 << 20
LARGE_BYTES_PER_COLUMN = 32 << 10
"""Batches are joined until they have so many bytes."""
MAX_NAME_CHARACTERS = 500
"""As long as a column name in the parameters may be."""


class CsvFile(Protocol):
    """A file, and how many columns and how long a cell it may have: what the jobs say."""

    @property
    def source(self) -> Path: ...

    @property
    def max_columns(self) -> int: ...

    @property
    def max_cell_bytes(self) -> int: ...


def text_batches(job: CsvFile, dialect: Dialect) -> Iterator[Any]:
    """Yield record batches of text columns, none of them null, named by the header.

    Rows are counted from 1 in messages, without the header and blank lines. A quote opens a quoted cell only at the
    start of the cell; elsewhere it is a character like any other.

    Raises:
        DataError: a broken header, ragged rows, a quote that never closes, a cell that is too long, or no rows at all.
    """
    watch = _RowWatch(dialect.delimiter, job.max_columns)
    block_bytes = min(max(MIN_BLOCK_BYTES, dialect.columns * BLOCK_BYTES_PER_COLUMN), MAX_BLOCK_BYTES)
    block_bytes = max(block_bytes, 2 * job.max_cell_bytes)
    pace = Pace(block_bytes)
    names: list[str] = []
    rows = 0
    with io.BufferedReader(Utf8Stream(job.source, dialect.encoding, watch.ending, pace)) as stream:
        try:
            for batch in _open(cast("BinaryIO", stream), dialect, job.max_columns, block_bytes, watch):
                if not names:
                    names = _names(batch, job.max_columns)
                    batch = batch.slice(1)  # noqa: PLW2901  the header came as a row
                if batch.num_rows:
                    _check_cells(batch, names, rows + 1, job.max_cell_bytes)
                    rows += batch.num_rows
                    yield pa.RecordBatch.from_arrays(batch.columns, names)
                pace.used_block()
        except pa.ArrowInvalid:
            if watch.broken is not None:
                raise watch.broken from None
            raise _broken(
                f"{_row(rows + 1 if names else 0)} does not end: it opens a quote that is never closed, or it is longer"
                f" than {block_bytes >> 20} MB; add the closing quote or shorten the row"
            ) from None
        finally:
            pace.let_go()  # closing the stream waits for its reader
    if not watch.end_seen:
        raise _broken(f"{_row(rows)} opens a quote that is never closed; add the closing quote")
    if rows == 0:
        raise _broken("the file has a header line but no data rows")


def large_batches(job: CsvFile, dialect: Dialect) -> Iterator[Any]:
    """Yield the batches of `text_batches`, several joined to one; the next is read meanwhile. Raises as it does.

    Threads that share the work on a batch pay only when it is large. Larger blocks would give such batches too, but
    the parser holds several blocks.
    """
    enough = min(max(MIN_LARGE_BYTES, dialect.columns * LARGE_BYTES_PER_COLUMN), MAX_LARGE_BYTES)
    waiting: list[Any] = []
    size = 0
    for batch in ahead(text_batches(job, dialect)):
        waiting.append(batch)
        size += batch.nbytes
        if size >= enough:
            yield _joined(waiting)
            waiting, size = [], 0
    if waiting:
        yield _joined(waiting)


def _joined(batches: list[Any]) -> Any:
    return batches[0] if len(batches) == 1 else pa.concat_batches(batches)


class _RowWatch:
    """Learns from the parser which row is ragged, and whether a quote is still open at the end of the file.

    For the latter a row of ours, always ragged, follows the file: a quote that is never closed swallows it.
    """

    def __init__(self, delimiter: str, max_columns: int) -> None:
        self._marker = uuid4().hex + delimiter * (max_columns + 1)
        self.ending = f"\n{self._marker}\n".encode()
        self.end_seen = False
        self.broken: DataError | None = None

    def __call__(self, row: Any) -> str:
        if row.text == self._marker:
            self.end_seen = True
            return "skip"
        number = _row(row.number - 1)
        if row.text.rstrip("\n").endswith(self._marker):
            why = f"{number} opens a quote that is never closed; add the closing quote"
        else:
            why = (
                f"{number} has {row.actual_columns} cells, the header has {row.expected_columns}: put cells that"
                " contain the delimiter in quotes, or correct the row"
            )
        self.broken = _broken(why)
        return "error"


def _open(stream: BinaryIO, dialect: Dialect, max_columns: int, block_bytes: int, watch: _RowWatch) -> Iterator[Any]:
    reader: Iterator[Any] = pacsv.open_csv(
        stream,
        read_options=pacsv.ReadOptions(
            use_threads=False,  # rows keep their numbers
            block_size=block_bytes,
            autogenerate_column_names=True,
        ),
        parse_options=pacsv.ParseOptions(
            delimiter=dialect.delimiter, newlines_in_values=True, invalid_row_handler=watch
        ),
        convert_options=pacsv.ConvertOptions(
            column_types={f"f{i}": pa.string() for i in range(max_columns)},
            strings_can_be_null=False,
            check_utf8=False,  # the dialect has read it all
        ),
    )
    return reader


def _names(batch: Any, max_columns: int) -> list[str]:
    """Return the column names of the batch's first row."""
    if batch.num_columns > max_columns:
        raise _broken(f"the file has {batch.num_columns} columns, at most {max_columns} are allowed; remove some")
    names = [str(column[0].as_py()).strip(BLANKS) for column in batch.columns]
    unnamed = [str(position) for position, name in enumerate(names, start=1) if not name]
    if unnamed:
        raise _broken(f"column {listed(unnamed)} has no name in the header; give every column a name")
    twice = {name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else set()
    if twice:
        raise _broken(f"more than one column is named {listed(sorted(twice))}; rename them")
    for position, name in enumerate(names, start=1):
        if len(name) > MAX_NAME_CHARACTERS:
            raise _broken(f"the name of column {position} is longer than {MAX_NAME_CHARACTERS} characters; shorten it")
    return names


def _check_cells(batch: Any, names: list[str], first_row: int, max_bytes: int) -> None:
    for name, column in zip(names, batch.columns, strict=True):
        lengths = np.diff(offsets(column))
        if lengths.max() > max_bytes:
            row = first_row + int((lengths > max_bytes).argmax())
            why = f"{_row(row)}: the cell is longer than {max_bytes} bytes; shorten it or remove the column"
            raise DataError(f"column {named(name)}, {why}", {"file": [f"column {named(name)}, {why}"]})


def offsets(column: Any) -> np.ndarray[Any, np.dtype[np.int32]]:
    """Return where each cell of a text column (N,) begins in its data, and where the last one ends: (N + 1,)."""
    begins = np.frombuffer(column.buffers()[1], dtype=np.int32)
    return begins[column.offset : column.offset + len(column) + 1]


def _row(number: int) -> str:
    return f"row {number}" if number else "the header"


def _broken(why: str) -> DataError:
    return DataError(why, {"file": [why]})
