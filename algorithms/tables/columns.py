"""Finds the types of columns while their batches pass by."""

from collections.abc import Collection, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from algorithms.errors import DataError
from algorithms.tables.parsing import Mask, Parsed, parse_dates, parse_numbers, parse_text
from algorithms.tabular.table import ColumnType
from algorithms.tabular.wording import MAX_CHARACTERS, named, quoted

SAMPLED_CELLS = 1000
"""Cells of each batch of a text column that are looked at for decimal commas."""
NEARLY_ALL = 0.95
_NUMBER_WITH_COMMA = r"^\s*[+-]?[0-9]+(,[0-9]+)?\s*$"

_PARSERS = {"number": parse_numbers, "date": parse_dates, "text": parse_text}


@dataclass(frozen=True)
class Cell:
    """A cell of the file: its row, counted from 1, and its text."""

    row: int
    value: str


@dataclass
class CommaCount:
    """How many of the sampled cells are numbers if a comma may stand for the point, and how many have such a comma."""

    given: int = 0
    numbers: int = 0
    with_comma: int = 0

    def sample(self, cells: Any) -> None:
        """Count the first cells of a batch of text (N,)."""
        sampled = cells.slice(0, SAMPLED_CELLS)
        given = parse_text(sampled).given
        numbers = given & _matches(sampled, _NUMBER_WITH_COMMA)
        self.given += int(given.sum())
        self.numbers += int(numbers.sum())
        self.with_comma += int((numbers & _matches(sampled, ",")).sum())

    @property
    def decimal(self) -> bool:
        """Nearly all cells are such numbers."""
        return self.with_comma > 0 and self.numbers >= NEARLY_ALL * self.given


@dataclass
class ColumnScan:
    """What is known of a column after the batches seen so far.

    A column is a number, or a date, if every cell that is not missing is one; otherwise text. `type` is None while all
    cells are missing; it becomes text when a cell contradicts the type of those before.

    Numbers of which half are whole and from 2^53 on are ids, stored as text: float64 would make one of two that differ
    in a digit. The first batch with values says what they are taken for meanwhile.
    """

    name: str
    type: ColumnType | None = None
    missing: int = 0
    numbers: int = 0
    long_numbers: int = 0
    taken_for_ids: bool | None = None
    first_text: Cell | None = None
    first_infinite: Cell | None = None
    commas: CommaCount = field(default_factory=CommaCount)

    @property
    def stored_type(self) -> ColumnType:
        """The type to store; a column without values is a number."""
        return "text" if self._are_ids else self.type or "number"

    @property
    def misjudged(self) -> bool:
        """Numbers were taken for ids in the first batch, and are not, or the other way round."""
        return self.type == "number" and self.taken_for_ids != self._are_ids

    @property
    def _are_ids(self) -> bool:
        return self.type == "number" and 2 * self.long_numbers >= self.numbers

    def scan(self, cells: Any, first_row: int) -> Any:
        """Take in a batch of text (N,), its first row counted from 1; return its values in the type known now."""
        parsed = self._parse(cells, first_row)
        self.missing += int(np.count_nonzero(~parsed.given))
        if self.type == "text":
            self.commas.sample(cells)
        if self.type == "number" and self.taken_for_ids:
            return parse_text(cells).values
        return parsed.values

    def convert(self, cells: Any) -> Any:
        """Return a batch of text (N,) in the type that all batches were found to have."""
        return _PARSERS[self.stored_type](cells).values

    def refuse_infinite(self) -> None:
        """Refuse a column of numbers with a number that is infinite or too large.

        Raises:
            DataError: naming its first such cell.
        """
        if self.stored_type == "number" and self.first_infinite is not None:
            cell = self.first_infinite
            why = (
                f"row {cell.row} has {quoted(cell.value)}, which is not a finite number (at most ±1.8e308);"
                " correct the cell or leave it empty"
            )
            raise DataError(f"column {named(self.name)}: {why}", {"file": [f"column {named(self.name)}: {why}"]})

    def to_dict(self) -> dict[str, Any]:
        """Return the column's entry in the result of a conversion."""
        entry: dict[str, Any] = {"name": self.name, "type": self.stored_type, "missing": self.missing}
        if self.first_text is not None:
            entry["first_text"] = {"row": self.first_text.row, "value": self.first_text.value}
        return entry

    def _parse(self, cells: Any, first_row: int) -> Parsed:
        if self.type == "text":
            return parse_text(cells)
        parsed = parse_dates(cells) if self.type == "date" else parse_numbers(cells)
        if not parsed.given.any():
            return parsed
        if self.type is None and parsed.misfits[parsed.given.argmax()]:
            dates = parse_dates(cells)
            if not dates.misfits[dates.given.argmax()]:
                self.type, parsed = "date", dates
        if not parsed.misfits.any():
            self.type = self.type or "number"
            if self.type == "number":
                self._note_numbers(parsed, cells, first_row)
            return parsed
        # Worth telling only when the column is mostly something else than text.
        if self.type is not None or np.count_nonzero(parsed.misfits) * 2 < np.count_nonzero(parsed.given):
            self.first_text = _first(parsed.misfits, cells, first_row)
        self.type = "text"
        return parse_text(cells)

    def _note_numbers(self, parsed: Parsed, cells: Any, first_row: int) -> None:
        self.numbers += int(np.count_nonzero(parsed.given))
        self.long_numbers += parsed.long
        if self.taken_for_ids is None:
            self.taken_for_ids = self._are_ids
        infinite = np.isinf(parsed.values.to_numpy(zero_copy_only=False))
        if self.first_infinite is None and infinite.any():
            self.first_infinite = _first(infinite, cells, first_row)


def _matches(cells: Any, pattern: str) -> Mask:
    mask: Mask = pc.match_substring_regex(cells, pattern).to_numpy(zero_copy_only=False)
    return mask


def _first(mask: Mask, cells: Any, first_row: int) -> Cell:
    position = int(mask.argmax())
    return Cell(first_row + position, cells[position].as_py()[:MAX_CHARACTERS])


class TableScan:
    """The columns of a table and the number of its rows, known once all batches went through `scan`."""

    def __init__(self, threads: Executor, as_text: Collection[str] = ()) -> None:
        """Columns in `as_text` are texts, whatever they look like."""
        self.columns: list[ColumnScan] = []
        self._as_text = frozenset(as_text)
        self.rows = 0
        self._threads = threads

    def scan(self, batches: Iterator[Any]) -> Iterator[Any]:
        """Yield batches of text in the types known so far, which a later batch may contradict."""
        for batch in batches:
            self.columns = self.columns or [
                ColumnScan(name, "text" if name in self._as_text else None) for name in batch.schema.names
            ]
            values = list(self._threads.map(ColumnScan.scan, self.columns, batch.columns, repeat(self.rows + 1)))
            self.rows += batch.num_rows
            yield pa.RecordBatch.from_arrays(values, batch.schema.names)

    def convert(self, batches: Iterator[Any]) -> Iterator[Any]:
        """Yield batches of text in the types that all of them were found to have."""
        for batch in batches:
            values = list(self._threads.map(ColumnScan.convert, self.columns, batch.columns))
            yield pa.RecordBatch.from_arrays(values, batch.schema.names)

    @property
    def misjudged(self) -> bool:
        """Some column was written in another type than it is of, though all batches have the same."""
        return any(column.misjudged for column in self.columns)

    def refuse_infinite(self) -> None:
        """Refuse infinite numbers, see `ColumnScan.refuse_infinite`."""
        for column in self.columns:
            column.refuse_infinite()
