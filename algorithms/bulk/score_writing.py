"""Writes the scores of a file: arrays that `scored` reads, and one Parquet file to download.

The arrays grow as the blocks are scored. Who is an anomaly, and the order by score, are known after the last of them;
then the Parquet file is written from the arrays, and from the kept columns, which waited in a file beside them.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from algorithms.bulk.drivers import DRIVERS, NONE
from algorithms.bulk.encoding import plain
from algorithms.bulk.row_scores import BlockScores
from algorithms.bulk.scored import ANOMALIES, LETTERS, OFFSETS, PERCENTILES, SCORES, SHARES, output_columns
from algorithms.bulk.scored import DRIVERS as DRIVERS_FILE
from algorithms.errors import DataError
from algorithms.stored_rows import RowsWriter, StoredRows
from algorithms.tabular.wording import listed

PARQUET = "scores.parquet"
ROWS_AT_ONCE = 1 << 17


class ScoreFiles:
    """Files that grow block by block within a folder; what waits in it is gone when the Parquet file is written."""

    def __init__(self, folder: Path, keep: Sequence[str], *, percentiles: bool) -> None:
        self._folder, self._keep = folder, list(keep)
        self._waiting = folder / "kept.arrow"
        self._files = ExitStack()
        self._score = self._rows(SCORES, np.float64)
        self._percentile = self._rows(PERCENTILES, np.float32) if percentiles else None
        self._drivers = self._rows(DRIVERS_FILE, np.int32, DRIVERS)
        self._shares = self._rows(SHARES, np.float32, DRIVERS)
        self._letters = [self._rows(LETTERS.format(i), np.uint8) for i in range(len(keep))]
        self._offsets = [self._rows(OFFSETS.format(i), np.int64) for i in range(len(keep))]
        self._ends = [0] * len(keep)
        for offsets in self._offsets:
            offsets.append(np.zeros(1, np.int64))
        self._kept: Any = None

    def _rows(self, name: str, dtype: Any, *columns: int) -> RowsWriter:
        return self._files.enter_context(RowsWriter(self._folder / name, dtype, *columns))

    def append(self, scored: BlockScores) -> None:
        """Add the rows of the next block."""
        self._score.append(scored.scores)
        if self._percentile is not None and scored.percentiles is not None:
            self._percentile.append(scored.percentiles)
        self._drivers.append(scored.drivers)
        self._shares.append(scored.shares)
        if self._keep:
            self._keep_columns(scored.table)

    def close(self) -> None:
        """Have all arrays whole."""
        if self._kept is not None:
            self._kept.close()
        self._files.close()

    def _keep_columns(self, table: Any) -> None:
        kept = pa.table([plain(table.column(name)) for name in self._keep], names=self._keep)
        if self._kept is None:
            sink = self._files.enter_context(pa.OSFile(str(self._waiting), "wb"))
            self._kept = pa.ipc.new_file(sink, kept.schema)
        self._kept.write_table(kept.combine_chunks())
        for i, column in enumerate(kept.columns):
            letters, ends = _texts(column)
            self._letters[i].append(letters)
            self._offsets[i].append(ends + self._ends[i])
            self._ends[i] += len(letters)

    def write_parquet(self, columns: Sequence[str]) -> Iterator[int]:
        """Write what the arrays and the waiting columns hold; yield the rows that are written."""
        arrays = {path.name: StoredRows(path) for path in self._folder.glob("*.npy")}
        rows = len(np.load(self._folder / SCORES, mmap_mode="r"))
        writer: Any = None
        start = 0
        with self._kept_parts(rows) as parts:
            for part in parts:
                at = slice(start, start + part.num_rows)
                table = joined(arrays, at, part, columns)
                writer = writer or parquet_writer(self._folder / PARQUET, table.schema)
                writer.write_table(table)
                start += part.num_rows
                yield start
        if writer is not None:
            writer.close()

    @contextmanager
    def _kept_parts(self, rows: int) -> Iterator[Iterator[Any]]:
        """Give the kept columns in consecutive parts, with no columns if none are kept."""
        if not self._keep:
            sizes = (min(ROWS_AT_ONCE, rows - start) for start in range(0, rows, ROWS_AT_ONCE))
            yield (pa.table({"row": pa.nulls(size)}).select([]) for size in sizes)
            return
        with pa.OSFile(str(self._waiting)) as file:
            reader = pa.ipc.open_file(file)
            yield (pa.Table.from_batches([reader.get_batch(i)]) for i in range(reader.num_record_batches))
        self._waiting.unlink()


def refuse_clashes(keep: Sequence[str]) -> None:
    """Refuse kept columns that are called as a column of the scores.

    Raises:
        DataError: naming them.
    """
    clash = [name for name in keep if name in output_columns(())]
    if clash:
        why = f"{listed(clash)} is what a column of the scores is called; rename it in the file, or do not keep it"
        raise DataError(f"keep: {why}", {"keep": [why]})


def joined(arrays: Mapping[str, Any], at: slice, kept: Any, columns: Sequence[str]) -> Any:
    """Return some rows of the Parquet file: their number, the kept columns, what the model says."""
    drivers, shares = arrays[DRIVERS_FILE][at], arrays[SHARES][at]
    names = pa.array(columns, pa.string())
    percentiles = arrays[PERCENTILES][at] if PERCENTILES in arrays else pa.nulls(at.stop - at.start, pa.float32())
    said: list[Any] = [arrays[SCORES][at], percentiles, arrays[ANOMALIES][at]]
    for place in range(DRIVERS):
        none = drivers[:, place] == NONE
        codes = pa.array(drivers[:, place].copy(), mask=none)
        said += [pa.DictionaryArray.from_arrays(codes, names), pa.array(shares[:, place].copy(), mask=none)]
    values = [np.arange(at.start, at.stop), *kept.columns, *said]
    return pa.table(values, names=output_columns(kept.column_names))


def parquet_writer(path: Path, schema: Any) -> Any:
    """Return a writer of such rows."""
    is_text = pa.types.is_string, pa.types.is_large_string, pa.types.is_dictionary
    texts = [column.name for column in schema if any(is_(column.type) for is_ in is_text)]
    return pq.ParquetWriter(path, schema, use_dictionary=texts, column_encoding={"row": "DELTA_BINARY_PACKED"})


def _texts(cells: Any) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the UTF-8 of the texts of a column (N,), nothing for null, joined, and where each ends in it (N,)."""
    try:
        texts = pc.cast(cells, pa.large_string())
    except (pa.ArrowNotImplementedError, pa.ArrowInvalid):  # lists and the like
        texts = pa.chunked_array(
            [[None if cell is None else str(cell) for cell in cells.to_pylist()]], pa.large_string()
        )
    array = pc.fill_null(texts, "").combine_chunks()
    array = array.chunk(0) if isinstance(array, pa.ChunkedArray) else array
    offsets = np.frombuffer(array.buffers()[1], np.int64)[array.offset : array.offset + len(array) + 1]
    begin, end = int(offsets[0]), int(offsets[-1])
    letters = array.buffers()[2]
    joined = np.empty(0, np.uint8) if letters is None else np.frombuffer(letters, np.uint8)[begin:end]
    return joined, offsets[1:] - begin
