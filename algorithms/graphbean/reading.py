"""Reads from the Parquet files of one node the columns that make a graph. Needs pyarrow: child processes only."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from algorithms.errors import DataError
from algorithms.graphbean.interactions import Coded, Interactions, coded_columns
from algorithms.graphbean.params import GraphFeederParams
from algorithms.graphbean.texts import Texts
from algorithms.tables.source import TableFiles
from algorithms.tabular.cells import EXACT, number_text, parse_number
from algorithms.tabular.table import texts_of
from algorithms.tabular.wording import named, no_such_column, quoted

_REACH = 2**31 - 1
"""As many bytes as the offsets of an Arrow string array can tell."""


def read_interactions(paths: Sequence[Path], feeder: GraphFeederParams) -> Interactions:
    """Return the columns that a feeder names, of all files in order.

    An id is the text of its cell as it is written ("007" is not "7"); in a column of numbers, or of numbers in one file
    and text in another, the shortest text of the number. The other rules for several files are those of `TableFiles`.

    Raises:
        DataError: no file, files with other columns than the first, u_column or v_column not set, a column that is
            missing, or cells of a numeric column that are no numbers.
    """
    coded = coded_columns(feeder)
    source = TableFiles(paths)
    _refuse_missing({**coded, "numeric_columns": feeder.numeric_columns}, source.columns)
    files = [pq.ParquetFile(path) for path in paths]
    names = dict.fromkeys(name for columns in coded.values() for name in columns)
    return Interactions(
        rows=source.rows,
        coded={name: _coded(name, source, files) for name in names},
        numbers={name: _numbers(name, source) for name in feeder.numeric_columns},
        columns=source.columns,
    )


def _refuse_missing(columns: Mapping[str, Sequence[str]], present: Sequence[str]) -> None:
    lacking = {parameter: [name for name in names if name not in present] for parameter, names in columns.items()}
    errors = {parameter: [no_such_column(names, present)] for parameter, names in lacking.items() if names}
    if errors:
        raise DataError("; ".join(f"{parameter}: {why[0]}" for parameter, why in errors.items()), errors)


def _coded(name: str, source: TableFiles, files: Sequence[Any]) -> Coded:
    types = {file.schema_arrow.field(name).type for file in files}
    if types in ({pa.string()}, {pa.float64()}):
        return coded_of_arrow(pa.chunked_array([c for file in files for c in file.read([name]).column(name).chunks]))
    values = source.column(name)
    whole = values.dtype == np.float64
    return coded_of_arrow(pa.chunked_array([pa.array(values) if whole else pa.array(texts_of(values), pa.string())]))


def coded_of_arrow(cells: Any) -> Coded:
    """Return a chunked Arrow array of texts or float64 as codes, -1 where it is null."""
    if pa.types.is_floating(cells.type):
        return _coded_numbers(cells)
    # As one chunk: Arrow would copy the distinct texts found so far for each chunk. Its offsets must reach all letters.
    whole = cells.cast(pa.large_string() if cells.nbytes > _REACH else pa.string()).combine_chunks()
    encoded = whole.dictionary_encode()
    return Coded(encoded.indices.fill_null(-1).to_numpy(), _texts_of_arrow(encoded.dictionary))


def _coded_numbers(cells: Any) -> Coded:
    values = cells.to_numpy()
    given = ~np.isnan(values)
    if (np.abs(values[given]) < EXACT).all() and (values[given] == np.trunc(values[given])).all():
        whole = pa.array(np.where(given, values, 0).astype(np.int64), mask=~given).dictionary_encode()
        return Coded(whole.indices.fill_null(-1).to_numpy(), _texts_of_arrow(whole.dictionary.cast(pa.string())))
    distinct, codes = np.unique(values, return_inverse=True)  # NaN is the last, and 0 and -0 are one
    texts = Texts.of(number_text(number) for number in distinct[~np.isnan(distinct)].tolist())
    codes[~given] = -1
    return Coded(codes.astype(np.int32), texts)


def _texts_of_arrow(array: Any) -> Texts:
    if not len(array):
        return Texts.of([])
    _, offsets, letters = array.buffers()
    dtype = np.int64 if pa.types.is_large_string(array.type) else np.int32
    bounds = np.frombuffer(offsets, dtype)[array.offset : array.offset + len(array) + 1]
    return Texts(np.frombuffer(letters or b"", np.uint8), bounds.astype(np.int64))


def arrow_of_texts(texts: Texts) -> Any:
    """Return texts as an Arrow array."""
    offsets, letters = texts.offsets.astype(np.int64), np.ascontiguousarray(texts.letters)
    return pa.LargeStringArray.from_buffers(len(texts), pa.py_buffer(offsets), pa.py_buffer(letters))


def _numbers(name: str, source: TableFiles) -> NDArray[np.float64]:
    values = source.column(name)
    if values.dtype == np.float64:
        return values
    if values.dtype.kind == "M":
        raise _no_numbers(name, "holds dates, which have no sum: leave it out")
    numbers = {text: np.nan if text is None else parse_number(text) for text in set(values.tolist())}
    for row, text in enumerate(values.tolist(), start=1):
        number = numbers[text]
        if number is None or np.isinf(number):
            remedy = "correct the cell, leave the column out, or put it into encode_column"
            raise _no_numbers(name, f"row {row} has {quoted(text)}, which is no number, or one too large: {remedy}")
    return np.array([numbers[text] for text in values.tolist()], np.float64)


def _no_numbers(name: str, why: str) -> DataError:
    return DataError(f"numeric_columns: {named(name)} {why}", {"numeric_columns": [f"{named(name)} {why}"]})
