"""The tabular encoder: fitted once on the training table, stored as JSON, the same for every later row."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from algorithms.errors import ArtifactIncompatible, DataError
from algorithms.tabular.categories import CategoryEncoder
from algorithms.tabular.cells import parse_date, parse_number
from algorithms.tabular.constants import Constant
from algorithms.tabular.dates import DateEncoder
from algorithms.tabular.features import Features, Layout
from algorithms.tabular.fitting import ColumnEncoder, fit_columns
from algorithms.tabular.numbers import NumberColumns, NumberEncoder
from algorithms.tabular.params import TabularFeederParams
from algorithms.tabular.rows import Kind, Row, columns_of_rows
from algorithms.tabular.scaling import Scaling
from algorithms.tabular.selection import select_columns
from algorithms.tabular.source import TableSource, masked
from algorithms.tabular.table import Coded, Column, ColumnType, Table, texts_of
from algorithms.tabular.wording import named, quoted

FORMAT = 2
_CHUNK_ROWS = 4096
"""Rows encoded at a time: their features, written column by column, stay in the processor's cache."""
_FEW_ROWS = 64
"""Up to so many, columns of numbers are encoded at once: numpy's calls take longer than its work."""

_KINDS: Mapping[str, type[ColumnEncoder]] = {
    encoder.kind: encoder for encoder in (NumberEncoder, CategoryEncoder, DateEncoder)
}


@dataclass(frozen=True)
class TabularEncoder:
    """Turns rows into features, column by column.

    `types` are all columns of the training table, used or not; `columns` are the encoders of the used ones, `constants`
    those left out because they had one value; `notices` say what fitting left out, filled in or merged.
    """

    types: Mapping[str, ColumnType]
    columns: Mapping[str, ColumnEncoder]
    constants: Mapping[str, Constant]
    notices: tuple[str, ...]

    @classmethod
    def fit(
        cls,
        source: TableSource,
        feeder: TabularFeederParams,
        *,
        scaling: Scaling,
        rows: NDArray[np.bool_] | None = None,
    ) -> Self:
        """Fit on a training table, or on those rows of it where the mask `rows` (N,) is true; at least one.

        The table is read once, a block at a time: in memory or in files, the encoder is the same. Medians of more than
        100,000 numbers (fewer from 84 columns on, see `sample_size`) and counts of more than 200,000 categories (fewer
        from 6 such columns on, see `most_counted`) are close estimates; see `Sample`, `CategoryCounts`.

        Raises:
            DataError: a column the feeder names does not exist, there are no rows, or no column is left to learn from.
        """
        if source.rows == 0 or (rows is not None and not rows.any()):
            raise DataError("there are no rows to learn from", {"file": ["has no rows"]})
        selected = select_columns(source, feeder)
        blocks = source.batches(selected)
        types = {name: source.types[name] for name in selected}
        learned = blocks if rows is None else masked(blocks, rows)
        return cls(source.types, *fit_columns(learned, types, feeder, scaling))

    @cached_property
    def layout(self) -> Layout:
        """The features: of numbers and dates first, each kind in the order of `columns`."""
        return Layout(
            sum(column.width for column in self.columns.values() if column.numeric),
            tuple(column.width for column in self.columns.values() if not column.numeric),
        )

    @cached_property
    def slices(self) -> Mapping[str, slice]:
        """Used column → its features."""
        slices: dict[str, slice] = {}
        ends = {True: 0, False: self.layout.numbers}  # numeric → where the next column's features begin
        for name, column in self.columns.items():
            start = ends[column.numeric]
            ends[column.numeric] += column.width
            slices[name] = slice(start, ends[column.numeric])
        return slices

    @cached_property
    def kinds(self) -> Mapping[str, Kind]:
        """Used column → what its cells are: number, text, date, or a code, a number that is a category."""
        return {name: "code" if name in self._codes else self.types[name] for name in self.columns}

    def transform(self, table: Table) -> Features:
        """Return the features of the rows of a table.

        Raises:
            DataError: the table lacks a column, or has it in a type that does not fit.
        """
        return self._encode(self._as_trained(table), table.rows)

    def transform_columns(self, columns: Mapping[str, Column | Coded], rows: int) -> Features:
        """Return the features of the used columns, as `transform` does; categories may come as coded columns.

        Raises:
            DataError: a column has a type that does not fit.
        """
        trained: dict[str, Column | Coded] = {}
        for name in self.columns:
            values = columns[name]
            if isinstance(values, Coded):
                trained[name] = Coded(self._column_as_trained(name, values.values), values.codes)
            else:
                trained[name] = self._column_as_trained(name, values)
        return self._encode(trained, rows)

    def refuse_misfits(self, source: TableSource, name: str) -> None:
        """Raise what `transform` would raise, or that there are no rows, with the source's name.

        Only columns whose type may not fit are read for it, a block at a time.
        """
        if source.rows == 0:
            raise DataError("there are no rows to score", {"file": ["has no rows"]}).within(name)
        try:
            self._refuse_lacking(source.columns)
        except DataError as error:
            raise error.within(name) from None
        for column in self.columns:
            if source.types[column] != self.types[column] and not self._takes_texts(column):
                why = self._misfit(column, (block.columns[column] for block in source.batches([column])))
                if why is not None:
                    raise why.within(name)

    def table_of_rows(self, rows: Sequence[Row]) -> Table:
        """Return the used columns of rows of JSON values.

        null is missing. Text accepts a number as its text; a numeric code accepts both. Columns that training had but
        did not use may be present and are ignored.

        Raises:
            RowsInvalid: unknown or missing fields, values of the wrong type; by field, rows counted from 1.
        """
        return Table(columns_of_rows(rows, self.kinds, self.types), len(rows))

    def unseen(self, table: Table) -> list[list[str]]:
        """Return what to say about the values of each row (N,) of `table_of_rows` that training did not see."""
        notices: list[list[str]] = [[] for _ in range(table.rows)]
        for name, encoder in self.columns.items():
            if isinstance(encoder, CategoryEncoder):
                for position, why in encoder.unseen(table.columns[name]).items():
                    notices[position].append(f"{named(name)}: {why}")
        return notices

    def decode(self, features: NDArray[np.float32]) -> list[dict[str, Any]]:
        """Return readable rows for features (N, layout.width) as a model reconstructs them.

        Numbers are in their unit, categories those of the largest slot, also "(other)" or "(missing)", dates ISO 8601.
        """
        decoded = [encoder.decode(features[:, self.slices[name]]) for name, encoder in self.columns.items()]
        return [dict(zip(self.columns, values, strict=True)) for values in zip(*decoded, strict=True)]

    def to_dict(self) -> dict[str, Any]:
        """Return the encoder as JSON values."""
        return {
            "format": FORMAT,
            "types": dict(self.types),
            "columns": [{"name": name, "kind": c.kind, **c.to_dict()} for name, c in self.columns.items()],
            "constants": {name: constant.to_dict() for name, constant in self.constants.items()},
            "notices": list(self.notices),
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """Return the encoder that `to_dict` stored.

        Raises:
            ArtifactIncompatible: it was stored in another format.
        """
        if stored.get("format") != FORMAT:
            raise ArtifactIncompatible(
                f"the encoder is stored in format {quoted(stored.get('format'))}; this release reads format {FORMAT}:"
                " train the model again"
            )
        columns = {column["name"]: _KINDS[column["kind"]].from_dict(column) for column in stored["columns"]}
        constants = {name: Constant.from_dict(constant) for name, constant in stored["constants"].items()}
        return cls(stored["types"], columns, constants, tuple(stored["notices"]))

    @cached_property
    def _categories(self) -> Mapping[str, CategoryEncoder]:
        return {name: encoder for name, encoder in self.columns.items() if isinstance(encoder, CategoryEncoder)}

    @cached_property
    def _numbers(self) -> NumberColumns:
        numbers = {name: encoder for name, encoder in self.columns.items() if isinstance(encoder, NumberEncoder)}
        return NumberColumns(numbers, {name: self.slices[name].start for name in numbers})

    @cached_property
    def _codes(self) -> frozenset[str]:
        return frozenset(name for name, encoder in self._categories.items() if encoder.codes)

    def _encode(self, columns: Mapping[str, Column | Coded], rows: int) -> Features:
        features = Features.empty(rows, self.layout)
        blocks = dict(zip(self._categories, enumerate(self.layout.first_slots), strict=True))
        plain: dict[str, Column] = {}
        for name in self.columns:
            values = columns[name]
            if isinstance(values, Coded):
                block, first = blocks[name]
                slots = first + self._categories[name].slots(values.values)
                slots.astype(np.int32).take(values.codes, out=features.slots[:, block], mode="clip")
            else:
                plain[name] = values
        if rows <= _FEW_ROWS:
            self._numbers.encode(plain, features.numbers)
            plain = {name: values for name, values in plain.items() if name not in self._numbers.names}
        for start in range(0, rows, _CHUNK_ROWS):
            chunk = slice(start, start + _CHUNK_ROWS)
            for name, values in plain.items():
                encoder = self.columns[name]
                if isinstance(encoder, CategoryEncoder):
                    block, first = blocks[name]
                    features.slots[chunk, block] = first + encoder.slots(values[chunk])
                else:
                    encoder.encode(values[chunk], features.numbers[chunk, self.slices[name]])
        return features

    def _as_trained(self, table: Table) -> dict[str, Column]:
        """Return the used columns of a table in the types that training had."""
        self._refuse_lacking(table.columns)
        return {name: self._column_as_trained(name, table.columns[name]) for name in self.columns}

    def _refuse_lacking(self, present: Collection[str]) -> None:
        lacking = [name for name in self.columns if name not in present]
        if lacking:
            errors = {name: ["is missing from the data; the model was trained on it"] for name in lacking}
            raise DataError(f"the data lack the column {named(lacking[0])}, which the model was trained on", errors)

    def _takes_texts(self, name: str) -> bool:
        """Tell whether the encoder of a column takes text, which every value has."""
        return name in self._codes or self.types[name] == "text"

    def _column_as_trained(self, name: str, values: Column) -> Column:
        """Return a column in the type that training had; one without any value fits every type."""
        if self._takes_texts(name):
            return values if values.dtype == np.float64 and name in self._codes else texts_of(values)
        is_number = self.types[name] == "number"
        expected = np.dtype("float64") if is_number else np.dtype("datetime64[us]")
        if values.dtype == expected:
            return values
        why = self._misfit(name, [values])
        if why is not None:
            raise why
        return np.full(len(values), np.nan if is_number else np.datetime64("NaT"), dtype=expected)

    def _misfit(self, name: str, parts: Iterable[Column]) -> DataError | None:
        """Return what is wrong with a column, in consecutive parts, of another type than in training: any value.

        In a column of numbers that a single cell made text, that cell is named; otherwise the first.
        """
        trained = self.types[name]
        parse = parse_number if trained == "number" else parse_date
        cell: tuple[int, str] | None = None
        for row, text in _given(parts):
            fits = parse(text) is not None
            if cell is None or not fits:
                cell = row, text
            if not fits:
                break
        if cell is None:
            return None
        why = f"was trained on {trained}s; row {cell[0]} has {quoted(cell[1])}: correct it, or leave it empty"
        return DataError(f"column {named(name)} {why}", {name: [why]})


def _given(parts: Iterable[Column]) -> Iterator[tuple[int, str]]:
    """Yield the row, counted from 1, and the text of every value, if not missing, of consecutive parts of a column."""
    first = 1
    for values in parts:
        texts = texts_of(values)
        for row in np.flatnonzero(texts != None).tolist():  # noqa: E711  element by element
            yield first + row, texts[row]
        first += len(values)
