"""Columns of Arrow, of whatever type a file or a data frame has, become columns as the model knows them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from algorithms.errors import DataError
from algorithms.tables.values import DTYPES, NOTHING, values_of
from algorithms.tabular.categories import CategoryEncoder
from algorithms.tabular.cells import is_missing, parse_date
from algorithms.tabular.encoder import TabularEncoder
from algorithms.tabular.fitting import ColumnEncoder
from algorithms.tabular.rows import Kind
from algorithms.tabular.table import Column, Table, texts_of
from algorithms.tabular.wording import listed, named, quoted

_DATE = pc.CastOptions(target_type=pa.timestamp("us"), allow_time_truncate=True)
_SPELLINGS = (("True", "False"), ("true", "false"), ("TRUE", "FALSE"))
"""How programs write booleans into a CSV file; the first is that of pandas."""


def table_of_arrow(batch: Any, encoder: TabularEncoder, *, first_row: int = 0) -> Table:
    """Return what the encoder uses of an Arrow table, in the types of the training; `first_row` is counted from 0.

    Whatever holds numbers is a number: integers, floats, decimals, and booleans as 1 and 0. Whole numbers, decimals
    without a fraction and booleans are texts where the training had texts. Dates with a zone are converted to UTC; a
    date may be a text in ISO 8601. Dictionaries are what they stand for. Null, NaN and texts such as "NA" are missing.

    Raises:
        DataError: a column is missing or is there twice, has a type that is none of these, or a cell that the model
            cannot take; the message names column, row (counted from 1) and value.
    """
    refuse_misfits(batch.schema, encoder)
    columns = {}
    for name, kind in encoder.kinds.items():
        values = _values(name, batch.column(name), kind, encoder, first_row)
        columns[name] = _as_trained(name, values, kind, first_row)
    return Table(columns, batch.num_rows)


def refuse_misfits(schema: Any, encoder: TabularEncoder) -> None:
    """Raise DataError if an Arrow schema lacks a used column, has it twice, or in no type that fits."""
    names = schema.names
    lacking = [name for name in encoder.columns if name not in names]
    if lacking:
        errors = {name: ["is missing from the data; the model was trained on it"] for name in lacking}
        raise DataError(f"the data lack {listed(lacking)}, which the model was trained on", errors)
    twice = [name for name in encoder.columns if names.count(name) > 1]
    if twice:
        raise DataError(f"more than one column is named {listed(twice)}", {name: ["is there twice"] for name in twice})
    for name in encoder.columns:
        _family(name, schema.field(name).type)


def _family(name: str, arrow_type: Any) -> Kind:
    """Return what the cells of a type are, before what they should be is asked."""
    is_ = pa.types
    if is_.is_dictionary(arrow_type):
        return _family(name, arrow_type.value_type)
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


def _values(name: str, cells: Any, kind: Kind, encoder: TabularEncoder, first_row: int) -> Column:
    """Return a chunked array (N,) as the column (N,) that it is; as texts, if training had texts for such values."""
    family = _family(name, cells.type)
    if family == "text":
        return _texts(cells)
    if pa.types.is_dictionary(cells.type):
        cells = cells.cast(cells.type.value_type)
    if family == "date":
        return _dates(name, cells)
    if kind == "text":
        if pa.types.is_boolean(cells.type):
            return _spelled(cells, encoder.columns[name])
        if pa.types.is_integer(cells.type) or (pa.types.is_decimal(cells.type) and cells.type.scale == 0):
            return _texts(cells.cast(pa.string()))  # with all digits, which a float would not keep
    return _numbers(name, cells, first_row)


def _texts(cells: Any) -> Column:
    """Return texts, None where missing; equal ones are one object."""
    encoded = cells if pa.types.is_dictionary(cells.type) else cells.dictionary_encode()
    texts = values_of(encoded.cast(pa.dictionary(pa.int32(), pa.string())))
    missing = {text for text in set(texts.tolist()) if text is not None and is_missing(text)}
    return _mapped(texts, dict.fromkeys(missing)) if missing else texts


def _dates(name: str, cells: Any) -> Column:
    try:
        dates: Column = pc.cast(cells, options=_DATE).to_numpy()
    except pa.ArrowInvalid as error:  # millions of years away
        raise DataError(f"column {named(name)}: {error}", {name: [str(error)]}) from None
    return dates


def _numbers(name: str, cells: Any, first_row: int) -> Column:
    numbers: Column = pc.cast(cells, pa.float64(), safe=False).to_numpy()
    infinite = np.isinf(numbers)
    if infinite.any():
        raise _misfit(name, first_row + int(infinite.argmax()), "is infinite")
    return numbers


def _spelled(cells: Any, encoder: ColumnEncoder) -> Column:
    """Return booleans as the training spelled them."""
    known = {*encoder.categories, *encoder.rare} if isinstance(encoder, CategoryEncoder) else set()
    true, false = next((pair for pair in _SPELLINGS if known & set(pair)), _SPELLINGS[0])
    return np.array([None if cell is None else true if cell else false for cell in cells.to_pylist()], dtype=object)


def _as_trained(name: str, values: Column, kind: Kind, first_row: int) -> Column:
    """Return a column of numbers or dates as such; the encoder makes texts of what was text in training.

    One without any value fits every type, and a date may be a text.
    """
    if kind not in ("number", "date") or values.dtype == DTYPES[kind]:
        return values
    texts = texts_of(values)
    parsed: dict[str | None, Any] = {None: NOTHING[kind]}
    if kind == "date" and values.dtype == np.dtype("O"):
        parsed |= {text: date for text in set(texts.tolist()) if text is not None and (date := parse_date(text))}
    misfits = np.fromiter((text not in parsed for text in texts), bool, len(texts))
    if misfits.any():
        first = int(misfits.argmax())
        raise _misfit(name, first_row + first, f"has {quoted(texts[first])}, the model was trained on {kind}s")
    return _mapped(texts, parsed).astype(DTYPES[kind])


def _misfit(name: str, row: int, why: str) -> DataError:
    what = f"row {row + 1:,} {why}; correct the cell or leave it empty"
    return DataError(f"column {named(name)}: {what}", {name: [what]})


def _mapped(texts: Column, to: Mapping[str | None, Any]) -> Column:
    return np.array([to.get(text, text) for text in texts.tolist()], dtype=object)
