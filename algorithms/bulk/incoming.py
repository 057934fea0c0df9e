"""A file of rows to be scored, Parquet or CSV, as blocks of typed columns in its order."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import Any

import pyarrow as pa

from algorithms.bulk.files import blocks, opened
from algorithms.errors import DataError
from algorithms.jobs import ScoreFileJob
from algorithms.tables.dialect import detect
from algorithms.tables.parsing import Parsed, parse_dates, parse_numbers, parse_text
from algorithms.tables.reader import large_batches, offsets
from algorithms.tables.values import misfit
from algorithms.tabular.encoder import TabularEncoder
from algorithms.tabular.wording import listed, no_such_column, quoted

THE_FILE = "the file"
"""What messages call it: its name here is the service's."""

_PARSERS: dict[str, Callable[[Any], Parsed]] = {"number": parse_numbers, "date": parse_dates}


@dataclass(frozen=True)
class Block:
    """Consecutive rows; `first_row` counts from 0. `table` parses them, which a thread of its own may do.

    `progress` is how much of the file is read by then, from 0 to 1.
    """

    rows: int
    first_row: int
    progress: float
    _cells: Any
    _typed: Callable[[Any, int], Any]

    def table(self) -> Any:
        """Return the Arrow table (rows) in which each column has the type that it has in training.

        Raises:
            DataError: a cell is of another type; with its column, row and value.
        """
        return self._typed(self._cells, self.first_row)


@dataclass(frozen=True)
class Incoming:
    """The columns that are read of a file, in its order, and its blocks, which can be iterated once."""

    columns: Sequence[str]
    blocks: Iterator[Block]


@contextmanager
def open_incoming(job: ScoreFileJob, encoder: TabularEncoder) -> Iterator[Incoming]:
    """Give the columns of a job's file that the model or `keep` names, and those that had one value in training.

    Raises:
        DataError: the file is empty, damaged or cut off, lacks a column that is needed, or has one twice.
    """
    if job.format == "csv":
        yield _of_csv(job, encoder)
        return
    texts = [name for name, kind in encoder.kinds.items() if kind == "text"]
    with opened(job.source, THE_FILE, texts) as file:
        names = file.schema_arrow.names
        columns = _needed(names, encoder, job.keep)
        if not file.metadata.num_rows:
            raise DataError(f"{THE_FILE} has no rows to score", {"file": ["has no rows"]})
        yield Incoming(columns, _parquet_blocks(file, columns))


def _parquet_blocks(file: Any, columns: Sequence[str]) -> Iterator[Block]:
    first = 0
    for table in blocks(file, THE_FILE, columns):
        last = first + table.num_rows
        yield Block(table.num_rows, first, last / file.metadata.num_rows, table, lambda cells, _: cells)
        first = last


def _of_csv(job: ScoreFileJob, encoder: TabularEncoder) -> Incoming:
    dialect = detect(job.source, job.encoding, job.delimiter)
    batches = large_batches(job, dialect)
    head = next(batches)  # at least one, or an error
    columns = _needed(head.schema.names, encoder, job.keep)
    return Incoming(columns, _csv_blocks(chain([head], batches), columns, encoder, job.source.stat().st_size))


def _csv_blocks(batches: Iterator[Any], columns: Sequence[str], encoder: TabularEncoder, size: int) -> Iterator[Block]:
    def typed(cells: Any, first_row: int) -> Any:
        arrays = [_typed(name, cells.column(name), encoder, first_row) for name in columns]
        return pa.table(arrays, names=list(columns))

    first = read = 0
    for batch in batches:
        # A delimiter or the end of the row follows each cell; quotes are not counted, some encodings are shorter.
        read += batch.num_rows * batch.num_columns + sum(_letters(cells) for cells in batch.columns)
        yield Block(batch.num_rows, first, min(read / size, 1.0), batch.select(list(columns)), typed)
        first += batch.num_rows


def _typed(name: str, cells: Any, encoder: TabularEncoder, first_row: int) -> Any:
    """Return a column of text in the type of the training, and as text if that is no number and no date."""
    kind = encoder.kinds.get(name)
    if kind not in _PARSERS:
        return parse_text(cells).values
    parsed = _PARSERS[kind](cells)
    if parsed.misfits.any():
        at = int(parsed.misfits.argmax())
        raise misfit(name, first_row + at, f"has {quoted(cells[at].as_py())}, the model was trained on {kind}s")
    return parsed.values


def _letters(cells: Any) -> int:
    begins = offsets(cells)
    return int(begins[-1] - begins[0])


def _needed(names: Sequence[str], encoder: TabularEncoder, keep: Sequence[str]) -> list[str]:
    """Return which of a file's columns are read.

    Raises:
        DataError: one that the model or `keep` needs is not there, or is there twice.
    """
    lacking = [name for name in encoder.columns if name not in names]
    if lacking:
        errors = {name: ["is missing from the file; the model was trained on it"] for name in lacking}
        raise DataError(f"{THE_FILE} lacks {listed(lacking)}, which the model was trained on", errors)
    unknown = [name for name in keep if name not in names]
    if unknown:
        why = no_such_column(unknown, names, owner=f"{THE_FILE} has")
        raise DataError(f"keep: {why}", {"keep": [why]})
    wanted = {*encoder.columns, *keep}
    twice = [name for name in dict.fromkeys(names) if name in wanted and names.count(name) > 1]
    if twice:
        why = "is there twice; rename one of them"
        raise DataError(f"column {listed(twice)} {why}", {name: [why] for name in twice})
    constants = {name for name in encoder.constants if names.count(name) == 1}
    return [name for name in names if name in wanted or name in constants]
