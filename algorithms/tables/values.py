"""Columns as Parquet files hold them become columns of a table."""

from typing import Any

import numpy as np
import pyarrow as pa

from algorithms.tabular.cells import number_text, parse_code
from algorithms.tabular.table import Column, ColumnType, texts_of

NOTHING: dict[ColumnType, Any] = {"number": np.nan, "date": np.datetime64("NaT"), "text": None}
"""What a missing cell of each type is."""
DTYPES: dict[ColumnType, Any] = {
    "number": np.dtype("float64"),
    "date": np.dtype("datetime64[us]"),
    "text": np.dtype("O"),
}


def type_of(arrow_type: Any) -> ColumnType:
    """Return the type of a column that the conversion of an upload wrote."""
    if pa.types.is_string(arrow_type):
        return "text"
    return "date" if pa.types.is_timestamp(arrow_type) else "number"


def values_of(cells: Any) -> Column:
    """Return a chunked array (N,) as a column (N,); text comes as dictionaries, and equal texts share one object."""
    if not pa.types.is_dictionary(cells.type):
        values: Column = cells.to_numpy()
        return values
    texts = np.full(len(cells), None, dtype=object)
    if cells.null_count == len(cells):
        return texts
    cells = cells.unify_dictionaries()
    distinct = np.array([*cells.chunk(0).dictionary.to_pylist(), None], dtype=object)
    start = 0
    for chunk in cells.chunks:
        texts[start : start + len(chunk)] = distinct[chunk.indices.fill_null(-1).to_numpy()]  # -1: None, the last
        start += len(chunk)
    return texts


def as_type(values: Column, wanted: ColumnType, *, mixed: bool) -> Column:
    """Return a file's column (N,) as all files together have it: `mixed` when their types differ.

    Numbers are then texts in their shortest form (1.50 is "1.5" in every file), dates in ISO 8601. A column without
    values fits every type.
    """
    if mixed:
        return _shortest_texts(values)
    dtype = DTYPES[wanted]
    return values if values.dtype == dtype else np.full(len(values), NOTHING[wanted], dtype)


def _shortest_texts(values: Column) -> Column:
    texts = texts_of(values)
    shortest: dict[str | None, str | None] = {None: None}
    for text in set(texts.tolist()) - {None}:
        number = parse_code(text)
        shortest[text] = text if number is None or np.isinf(number) else number_text(number)
    return np.array([shortest[text] for text in texts.tolist()], dtype=object)
