"""Columns of Arrow, of whatever type a file or a data frame has, become columns as the model knows them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from algorithms.errors import DataError
from algorithms.tables.values import DTYPES, NOTHING, misfit, refuse_infinite, type_of, values_of
from algorithms.tabular.categories import CategoryEncoder
from algorithms.tabular.cells import parse_date
from algorithms.tabular.constants import Constant
from algorithms.tabular.encoder import TabularEncoder
from algorithms.tabular.fitting import ColumnEncoder
from algorithms.tabular.rows import Kind
from algorithms.tabular.table import Column, Table, texts_of
from algorithms.tabular.wording import listed, quoted

_ANY_DATE = pc.CastOptions(target_type=pa.timestamp("us"), allow_time_truncate=True, allow_time_overflow=True)
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
    columns = {name: column_of_arrow(name, batch.column(name), encoder, first_row) for name in encoder.kinds}
    return Table(columns, batch.num_rows)


def column_of_arrow(name: str, cells: Any, encoder: TabularEncoder, first_row: int) -> Column:
    """Return one column (N,) of `table_of_arrow`, given as a chunked array. Raises as it does."""
    kind = encoder.kinds[name]
    return _as_trained(name, _values(name, cells, kind, encoder, first_row), kind, first_row)


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
        type_of(name, schema.field(name).type)


def rows_that_differ(cells: Any, constant: Constant) -> int:
    """Return how many cells of a chunked array hold another value than the one that all rows had in training."""
    if pa.types.is_dictionary(cells.type):
        cells = cells.cast(cells.type.value_type)
    if pa.types.is_nested(cells.type):
        return len(cells) - int(cells.null_count)
    if pa.types.is_timestamp(cells.type) or pa.types.is_date(cells.type):
        return int(constant.differs(pc.cast(cells, options=_ANY_DATE).to_numpy()).sum())
    counted = pc.value_counts(cells).to_pylist()
    return sum(found["counts"] for found in counted if _differs(found["values"], constant))


def _differs(value: Any, constant: Constant) -> bool:
    """Tell whether a Python value is another one; a boolean is its number and any spelling of it."""
    same = (int(value), *(pair[not value] for pair in _SPELLINGS)) if isinstance(value, bool) else (value,)
    return all(constant.differs_from(each) for each in same)


def _values(name: str, cells: Any, kind: Kind, encoder: TabularEncoder, first_row: int) -> Column:
    """Return a chunked array (N,) as the column (N,) that it is; as texts, if training had texts for such values."""
    if pa.types.is_dictionary(cells.type) and pa.types.is_boolean(cells.type.value_type):
        cells = cells.cast(pa.bool_())
    if kind == "text" and pa.types.is_boolean(cells.type):
        return _spelled(cells, encoder.columns[name])
    values = values_of(name, cells, digits=kind == "text")
    refuse_infinite(name, values, first_row)
    return values


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
        raise misfit(name, first_row + first, f"has {quoted(texts[first])}, the model was trained on {kind}s")
    return _mapped(texts, parsed).astype(DTYPES[kind])


def _mapped(texts: Column, to: Mapping[str | None, Any]) -> Column:
    return np.array([to.get(text, text) for text in texts.tolist()], dtype=object)
