"""The table: named columns of numbers, text or dates."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, cast

import numpy as np
from numpy.typing import NDArray

from algorithms.errors import DataError
from algorithms.tabular.cells import date_text, is_missing, number_text
from algorithms.tabular.wording import listed, named

Column = NDArray[Any]
ColumnType = Literal["number", "text", "date"]

_TYPES: Mapping[np.dtype[Any], ColumnType] = {
    np.dtype("float64"): "number",
    np.dtype("O"): "text",
    np.dtype("datetime64[us]"): "date",
}

MOST_BLOCK_ROWS, FEWEST_BLOCK_ROWS = 65_536, 1024
BLOCK_CELLS = 2**22
"""Cells of a block of a wide table: 32 MB of numbers."""


@dataclass(frozen=True)
class Table:
    """Columns of equal length.

    Shapes:
        columns: name → (rows,). Numbers are float64 with NaN for missing, text is an object array of str or None, dates
        are datetime64[us] with NaT.
    """

    columns: Mapping[str, Column]
    rows: int

    def __post_init__(self) -> None:
        for name, values in self.columns.items():
            if values.dtype not in _TYPES:
                raise TypeError(f"column {name} is {values.dtype}; expected float64, object (text) or datetime64[us]")
            if values.shape != (self.rows,):
                raise ValueError(f"column {name} has shape {values.shape}; expected ({self.rows},)")

    @property
    def types(self) -> dict[str, ColumnType]:
        """Type of every column."""
        return {name: _TYPES[values.dtype] for name, values in self.columns.items()}

    def batches(self, columns: Collection[str] | None = None, rows_at_once: int | None = None) -> Iterator[Self]:
        """Yield blocks of consecutive rows, see `algorithms.tabular.source`; they are views."""
        names = self.columns if columns is None else columns
        size = rows_at_once or block_rows(len(names))
        for start in range(0, self.rows, size):
            yield self.part(start, start + size, names)

    def part(self, start: int, end: int, columns: Collection[str] | None = None) -> Self:
        """Return a view of the rows from `start` to before `end`."""
        rows = slice(start, min(end, self.rows))
        names = self.columns if columns is None else columns
        return type(self)({name: self.columns[name][rows] for name in names}, rows.stop - rows.start)

    def column(self, name: str) -> Column:
        """Return the values (rows,) of one column."""
        return self.columns[name]

    def take(self, rows: NDArray[np.integer[Any]] | NDArray[np.bool_], columns: Collection[str] | None = None) -> Self:
        """Return a table of the rows with these numbers, or of those where the mask is true."""
        names = self.columns if columns is None else columns
        count = int(np.count_nonzero(rows)) if rows.dtype == np.bool_ else len(rows)
        return type(self)({name: self.columns[name][rows] for name in names}, count)

    @classmethod
    def from_frame(cls, frame: Any) -> Self:
        """Return the table of a pandas data frame: the same as writing it to CSV and reading that.

        Booleans are therefore text, texts such as "NA" are missing, dates with a zone are converted to UTC.

        Raises:
            DataError: infinite numbers, two columns of one name, or a column that is neither number, text nor date.
        """
        names = [str(name) for name in frame.columns]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise DataError(f"more than one column is named {listed(twice)}")
        columns = {name: _from_series(name, frame[key]) for name, key in zip(names, frame.columns, strict=True)}
        return cls(columns, len(frame))


@dataclass(frozen=True)
class Coded:
    """A column whose distinct values are spelled once.

    Shapes:
        values: (D,) as in a table, codes: (N,) integers, which of them each row has
    """

    values: Column
    codes: NDArray[np.integer[Any]]

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def column(self) -> Column:
        """The values (N,) of all rows."""
        every: Column = self.values[self.codes]
        return every


def block_rows(columns: int) -> int:
    """Return how many rows of so many columns are handled at once."""
    return min(max(BLOCK_CELLS // max(columns, 1), FEWEST_BLOCK_ROWS), MOST_BLOCK_ROWS)


def texts_of(values: Column) -> Column:
    """Return a column of any type as text: numbers in their shortest form, dates in ISO 8601, None where missing."""
    if values.dtype == np.dtype("O"):
        return values
    # Equal values share one text: a label has two values in ten million rows.
    distinct, which = np.unique(values, return_inverse=True)
    if values.dtype == np.float64:
        texts: list[str | None] = [number_text(number) or None for number in distinct.tolist()]
    else:
        times = np.datetime_as_string(distinct, unit="us").tolist()
        texts = [None if text == "NaT" else _short_date(text) for text in times]
    shared: Column = np.array(texts, dtype=object)[which]
    return shared


def raw_values(table: Table) -> list[dict[str, Any]]:
    """Return the rows of a table as JSON values: missing is null, dates are ISO 8601, without a time at midnight."""
    columns = {name: _json_values(values) for name, values in table.columns.items()}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _json_values(values: Column) -> list[Any]:
    if values.dtype.kind == "f":
        # Columns that are not used may hold infinite numbers, which JSON has not.
        return [value if np.isfinite(value) else None for value in values.tolist()]
    if values.dtype.kind == "M":
        return [None if value is None else date_text(value) for value in values.tolist()]
    return list(values.tolist())


def _short_date(text: str) -> str:
    return text.removesuffix(".000000").removesuffix("T00:00:00")


def _from_series(name: str, series: Any) -> Column:
    kind = series.dtype.kind
    missing = series.isna().to_numpy(dtype=bool)
    if kind in "iuf":
        return _finite(name, series.to_numpy(dtype="float64", na_value=np.nan))
    if kind == "M":
        zoned = getattr(series.dtype, "tz", None) is not None
        return cast("Column", (series.dt.tz_convert(None) if zoned else series).to_numpy(dtype="datetime64[us]"))
    if kind not in "bO":
        raise DataError(
            f"column {named(name)} is {series.dtype}; convert it to numbers, text or dates",
            {name: [f"is {series.dtype}, neither numbers, text nor dates"]},
        )
    values = series.to_numpy(dtype=object)
    types = {type(value) for value in values[~missing]}
    if types and all(issubclass(t, int | float | np.integer | np.floating) and t is not bool for t in types):
        return _finite(name, np.where(missing, np.nan, values).astype("float64"))
    return _text_or_missing(values, missing)


def _text_or_missing(values: Column, missing: NDArray[np.bool_]) -> Column:
    texts = [None if gone else str(value) for value, gone in zip(values.tolist(), missing, strict=True)]
    return np.array([None if text is None or is_missing(text) else text for text in texts], dtype=object)


def _finite(name: str, values: Column) -> Column:
    infinite = np.flatnonzero(np.isinf(values))
    if len(infinite):
        why = f"row {infinite[0] + 1} is infinite; leave the cell empty or correct it"
        raise DataError(f"column {named(name)}: {why}", {name: [why]})
    return values
