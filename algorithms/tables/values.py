"""Columns of Arrow, of whatever type a file or a data frame has, become columns of a table."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from algorithms.errors import DataError
from algorithms.tables.parsing import means_missing
from algorithms.tabular.cells import number_text, parse_code
from algorithms.tabular.table import Column, ColumnType, texts_of
from algorithms.tabular.wording import named

NOTHING: dict[ColumnType, Any] = {"number": np.nan, "date": np.datetime64("NaT"), "text": None}
"""What a missing cell of each type is."""
DTYPES: dict[ColumnType, Any] = {
    "number": np.dtype("float64"),
    "date": np.dtype("datetime64[us]"),
    "text": np.dtype("O"),
}

_DATE = pc.CastOptions(target_type=pa.timestamp("us"), allow_time_truncate=True)
_TEXTS = pa.dictionary(pa.int32(), pa.string())


def type_of(name: str, arrow_type: Any) -> ColumnType:
    """Return what a column of an Arrow type is. Whatever holds numbers is a number, and so is a boolean.

    Raises:
        DataError: it holds neither numbers, text nor dates.
    """
    is_ = pa.types
    if is_.is_dictionary(arrow_type):
        return type_of(name, arrow_type.value_type)
    if is_.is_string(arrow_type) or is_.is_large_string(arrow_type) or is_.is_string_view(arrow_type):
        return "text"
    if is_.is_timestamp(arrow_type) or is_.is_date(arrow_type):
        return "date"
    if is_.is_integer(arrow_type) or is_.is_floating(arrow_type) or is_.is_decimal(arrow_type):
        return "number"
    if is_.is_boolean(arrow_type) or is_.is_null(arrow_type):
        return "number"
    why = f"is of type {arrow_type}, which is neither numbers, text nor dates; convert it, or have it left out"
    raise DataError(f"column {named(name)} {why}", {name: [why]})


def values_of(name: str, cells: Any, *, digits: bool = False) -> Column:
    """Return a chunked array (N,) as the column (N,) that `type_of` says it is.

    Booleans are 1 and 0, dates with a zone those of UTC. Null, NaN and texts such as "NA" are missing; equal texts of
    a call share one object. With `digits`, whole numbers are texts, since a float64 would not keep all their digits.

    Raises:
        DataError: a type that is none of them, or dates that are out of reach.
    """
    kind = type_of(name, cells.type)
    if kind == "text":
        return _texts(cells)
    if pa.types.is_dictionary(cells.type):
        cells = cells.cast(cells.type.value_type)
    if kind == "date":
        return _dates(name, cells)
    if digits and (pa.types.is_integer(cells.type) or (pa.types.is_decimal(cells.type) and cells.type.scale == 0)):
        return _texts(cells.cast(pa.string()))
    numbers: Column = pc.cast(cells, pa.float64(), safe=False).to_numpy()
    return numbers


def refuse_infinite(name: str, values: Column, first_row: int) -> None:
    """Refuse a column of numbers with an infinite one; its first row counts from 0.

    Raises:
        DataError: naming the row of the first such cell, counted from 1.
    """
    if values.dtype == DTYPES["number"] and (infinite := np.isinf(values)).any():
        raise misfit(name, first_row + int(infinite.argmax()), "is infinite")


def misfit(name: str, row: int, why: str) -> DataError:
    """Return the error of a cell that must be corrected; its row counts from 0."""
    what = f"row {row + 1:,} {why}; correct the cell or leave it empty"
    return DataError(f"column {named(name)}: {what}", {name: [what]})


def as_type(values: Column, wanted: ColumnType, *, mixed: bool) -> Column:
    """Return a file's column (N,) as all files together have it: `mixed` when their types differ.

    Numbers are then texts in their shortest form (1.50 is "1.5" in every file), dates in ISO 8601. A column of another
    type than all files together have has no values.
    """
    if mixed:
        return _shortest_texts(values)
    dtype = DTYPES[wanted]
    return values if values.dtype == dtype else np.full(len(values), NOTHING[wanted], dtype)


def _texts(cells: Any) -> Column:
    texts = np.full(len(cells), None, dtype=object)
    if cells.null_count == len(cells):
        return texts
    encoded = cells if pa.types.is_dictionary(cells.type) else cells.dictionary_encode()
    encoded = encoded.cast(_TEXTS).unify_dictionaries()
    dictionary = encoded.chunk(0).dictionary
    known = pc.if_else(means_missing(dictionary), pa.scalar(None, pa.string()), dictionary)
    distinct = np.array([*known.to_pylist(), None], dtype=object)
    start = 0
    for chunk in encoded.chunks:
        texts[start : start + len(chunk)] = distinct[chunk.indices.fill_null(-1).to_numpy()]  # -1: None, the last
        start += len(chunk)
    return texts


def _dates(name: str, cells: Any) -> Column:
    try:
        dates: Column = pc.cast(cells, options=_DATE).to_numpy()
    except pa.ArrowInvalid as error:  # millions of years away
        raise DataError(f"column {named(name)}: {error}", {name: [str(error)]}) from None
    return dates


def _shortest_texts(values: Column) -> Column:
    texts = texts_of(values)
    shortest: dict[str | None, str | None] = {None: None}
    for text in set(texts.tolist()) - {None}:
        number = parse_code(text)
        shortest[text] = text if number is None or np.isinf(number) else number_text(number)
    return np.array([shortest[text] for text in texts.tolist()], dtype=object)
