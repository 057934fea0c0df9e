"""Converts one CSV file to one typed Parquet file, in bounded memory."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from algorithms.ahead import ahead
from algorithms.jobs import ConvertJob
from algorithms.tables.columns import TableScan
from algorithms.tables.dialect import Dialect, detect, digest
from algorithms.tables.reader import large_batches
from algorithms.tables.row_groups import RowGroupWriter
from algorithms.tabular.wording import listed, named, quoted

MOST_THREADS = 4
"""Threads that convert columns: the parser, which is one thread, keeps no more of them busy."""


def convert(job: ConvertJob) -> dict[str, Any]:
    """Write `job.parquet`, whole or not at all, and return the fields of `finished` (see `ConvertJob`).

    A column entry is {name, type: number|text|date, missing} and, when a few cells make text of a column of numbers or
    dates, `first_text`: {row, value}. Rows are counted from 1, without the header and blank lines.

    Raises:
        DataError: the file cannot be read as a table; the message names row, column and remedy.
    """
    with ThreadPoolExecutor(min(os.cpu_count() or 1, MOST_THREADS), "convert") as threads:
        digested = threads.submit(digest, job.source)
        dialect = detect(job.source, job.encoding, job.delimiter)
        table = TableScan(threads, job.as_text)
        _convert(job, dialect, table)
        sha256, size = digested.result()
    _sync_folder(job.parquet.parent)
    notices = _notices(table)
    if job.encoding is None and dialect.encoding != "utf-8":
        notices.insert(0, f"the file is not UTF-8; it was read as {dialect.encoding.upper()}")
    return {
        "rows": table.rows,
        "columns": [column.to_dict() for column in table.columns],
        "sha256": sha256,
        "size": size,
        "encoding": dialect.encoding,
        "delimiter": dialect.delimiter,
        "notices": notices,
    }


def _convert(job: ConvertJob, dialect: Dialect, table: TableScan) -> None:
    partial = job.parquet.with_name(job.parquet.name + ".part")
    try:
        uniform = _write(partial, table.scan(large_batches(job, dialect)))
        table.refuse_infinite()
        if not uniform or table.misjudged:
            _write(partial, table.convert(large_batches(job, dialect)))
        partial.replace(job.parquet)
    finally:
        partial.unlink(missing_ok=True)


def _write(path: Path, batches: Iterator[Any]) -> bool:
    """Write batches (at least one) as Parquet, synced; tell whether all have the types of the first.

    After one that has not, nothing more is written, but all are taken: a second writing then knows every type.
    """
    batches = ahead(batches)
    first = next(batches)
    uniform = True
    with path.open("wb") as file:
        with RowGroupWriter(file, first.schema) as writer:
            writer.write(first)
            for batch in batches:
                uniform = uniform and batch.schema == first.schema
                if uniform:
                    writer.write(batch)
        file.flush()
        os.fsync(file.fileno())
    return uniform


def _sync_folder(folder: Path) -> None:
    """Make the new name in the folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _notices(table: TableScan) -> list[str]:
    notices = []
    empty = [column.name for column in table.columns if column.missing == table.rows]
    if empty:
        notices.append(f"no value in any row of {listed(empty)}")
    decimal = [column.name for column in table.columns if column.commas.decimal]
    if decimal:
        look, them = ("column {} looks", "it") if len(decimal) == 1 else ("columns {} look", "them")
        subject = look.format(listed(decimal))
        notices.append(f"{subject} like numbers with decimal commas; write 1.5 to have {them} treated as numbers")
    texts = [
        f"{named(column.name)} (row {column.first_text.row}: {quoted(column.first_text.value)})"
        for column in table.columns
        if column.first_text is not None and not column.commas.decimal
    ]
    if texts:
        notices.append(f"text because some cells are neither numbers nor dates like the others: {listed(texts)}")
    return notices
