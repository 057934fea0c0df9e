"""Writes Parquet in row groups that are read again one at a time."""

from types import TracebackType
from typing import Any, BinaryIO, Self

import pyarrow as pa
import pyarrow.parquet as pq

from algorithms.tabular.table import block_rows

MOST_BYTES = 64 << 20
"""A row group of long texts ends here, however few rows it has."""


class RowGroupWriter:
    """Writes batches of any length as row groups of as many rows as a block has (`block_rows`)."""

    def __init__(self, file: BinaryIO, schema: Any) -> None:
        texts = [column.name for column in schema if column.type == pa.string()]
        self._writer = pq.ParquetWriter(file, schema, compression="snappy", use_dictionary=texts)
        self._group = block_rows(len(schema))
        self._waiting = pa.Table.from_batches([], schema)

    def write(self, batch: Any) -> None:
        """Take a batch; its last rows may wait for the next one."""
        rows = pa.concat_tables([self._waiting, pa.Table.from_batches([batch])])
        while rows.num_rows >= self._group:
            self._writer.write_table(rows.slice(0, self._group))
            rows = rows.slice(self._group)
        if rows.nbytes >= MOST_BYTES:
            self._writer.write_table(rows)
            rows = rows.slice(rows.num_rows)
        self._waiting = rows

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None and self._waiting.num_rows:
            self._writer.write_table(self._waiting)
        self._writer.close()
