"""Rows of JSON values become typed columns, or a list of everything that is wrong with them."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import islice
from typing import Any, Literal

import numpy as np

from algorithms.errors import RowsInvalid
from algorithms.tabular.cells import is_missing, number_text, parse_date
from algorithms.tabular.table import Column, ColumnType
from algorithms.tabular.wording import listed, named, quoted

MAX_PROBLEMS = 20
INPUT = "input_data"
"""The field of a request that holds the rows; errors that belong to no column are its."""

Row = Mapping[str, Any]
Problem = tuple[str, str]
"""A field and what is wrong with it."""

_PLAIN_NUMBERS = {int, float, type(None)}
_PLAIN_TEXTS = {str, type(None)}

Kind = ColumnType | Literal["code", "id"]
"""What a field holds; a code is a numeric category, whose text is accepted too; an id is a text or the number in it."""

_EXPECTED: Mapping[Kind, str] = {
    "number": "a number",
    "code": "a number or text",
    "id": "a number or text",
    "text": "text",
    "date": "a date such as 2017-01-31 or 2017-01-31T10:00:00",
}


def columns_of_rows(rows: Sequence[Row], kinds: Mapping[str, Kind], known: Collection[str]) -> dict[str, Column]:
    """Return the columns of `kinds`, (len(rows),) each; null is missing, other `known` fields are ignored.

    Raises:
        RowsInvalid: an unknown or missing field, or a value that the column cannot hold; `errors` lists the first 20
            problems by field, with rows counted from 1.
    """
    if not rows:
        raise RowsInvalid("no rows were sent", {INPUT: ["no rows were sent"]})
    refuse(_misfits(rows, kinds.keys(), known))
    columns = {name: _column([row[name] for row in rows], kind) for name, kind in kinds.items()}
    invalid = [name for name, column in columns.items() if column is None]
    refuse(
        (name, f"row {number}: {why}")
        for number, row in enumerate(rows, start=1)
        for name in invalid
        if (why := _why_invalid(row[name], kinds[name]))
    )
    return {name: column for name, column in columns.items() if column is not None}


def refuse(problems: Iterator[Problem]) -> None:
    """Raise RowsInvalid if there is any problem; it lists the first 20."""
    found = list(islice(problems, MAX_PROBLEMS + 1))
    if not found:
        return
    errors: dict[str, list[str]] = {}
    for field, why in found[:MAX_PROBLEMS]:
        errors.setdefault(named(field), []).append(why)
    field, why = found[0]
    more = f" (only the first {MAX_PROBLEMS} problems are listed)" if len(found) > MAX_PROBLEMS else ""
    where = f"column {named(field)}" if field != INPUT else INPUT
    raise RowsInvalid(f"{where}: {why}{more}", errors)


def _misfits(rows: Sequence[Any], needed: AbstractSet[str], known: Collection[str]) -> Iterator[Problem]:
    allowed = set(known)
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, Mapping):
            yield INPUT, f"row {number}: expected an object, got {quoted(row)}"
            continue
        if row.keys() == needed:
            continue
        for field in row:
            if field not in allowed:
                yield str(field), f"row {number}: unknown field; allowed are {listed(known)}"
        for field in needed:
            if field not in row:
                yield field, f"row {number}: missing; send null for an unknown value"


def _column(values: list[Any], kind: Kind) -> Column | None:
    """Return the values as a column, None if one of them is invalid."""
    types = set(map(type, values))
    if types <= _PLAIN_NUMBERS and kind in ("number", "code"):
        return _numbers(values)
    if not types <= _PLAIN_TEXTS or kind == "number":
        if any(_why_invalid(value, kind) for value in values):
            return None
        if kind == "number":
            return _numbers(values)
    if kind == "date":
        dates = {text: _iso_date(text) for text in set(values)}
        if any(text is not None and date is None and not is_missing(text) for text, date in dates.items()):
            return None
        return np.array([dates[text] for text in values], dtype="datetime64[us]")
    text_of = _id_text if kind == "id" else _text
    texts = values if types <= _PLAIN_TEXTS else [None if value is None else text_of(value) for value in values]
    missing = {text for text in set(texts) if text is not None and is_missing(text)}
    return np.array([None if text in missing else text for text in texts] if missing else texts, dtype=object)


def _numbers(values: list[Any]) -> Column | None:
    try:
        numbers = np.array(values, dtype=np.float64)  # None becomes NaN
    except OverflowError:  # an integer above 1.8e308
        return None
    return numbers if np.count_nonzero(np.isfinite(numbers)) + values.count(None) == len(values) else None


def _text(value: str | float | np.number[Any]) -> str:
    """Return the text of a valid value: a number's is that of its JSON."""
    if isinstance(value, str):
        return value
    return repr(int(value) if isinstance(value, int | np.integer) else float(value))


def _id_text(value: str | float | np.number[Any]) -> str:
    """Return the text of a valid id: of a number the shortest, so that 7, 7.0 and "7" are one."""
    if isinstance(value, str):
        return value
    return str(int(value)) if isinstance(value, int | np.integer) else number_text(float(value))


def _why_invalid(value: Any, kind: Kind) -> str | None:
    """Return what is wrong with a value, None if nothing is."""
    if value is None:
        return None
    is_number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if is_number and kind != "date":
        try:
            finite = math.isfinite(value)
        except OverflowError:
            finite = False
        return None if finite else "expects a finite number, within ±1.8e308"
    if isinstance(value, str) and (kind in ("text", "code", "id") or (kind == "date" and _is_date(value))):
        return None
    return f"expects {_EXPECTED[kind]}, got {quoted(value)}"


def _is_date(value: str) -> bool:
    """Tell whether a cell of dates may hold the text: a date, or no value."""
    return is_missing(value) or _iso_date(value) is not None


def _iso_date(value: str | None) -> str | None:
    """Return a date in the form that numpy reads much faster than `datetime` objects."""
    date = None if value is None else parse_date(value)
    return None if date is None else date.isoformat()
