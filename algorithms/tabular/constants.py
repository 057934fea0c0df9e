"""Columns that had one value in training: the network learns nothing from them, but another value is worth a word."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from algorithms.tabular.cells import date_text, is_missing, number_text, parse_code, parse_date
from algorithms.tabular.source import TableSource
from algorithms.tabular.table import Column, ColumnType, texts_of
from algorithms.tabular.wording import named, quoted


@dataclass(frozen=True)
class Constant:
    """A column that training left out because its only value was this, as text. What is missing is no other value."""

    type: ColumnType
    value: str

    def differs(self, values: Column) -> NDArray[np.bool_]:
        """Tell which values (N,) are another one; a text may hold the number or the date in other words."""
        texts = texts_of(values)
        if self.type != "text" and values.dtype == np.dtype("O"):
            same = {text: self._text(text) for text in set(texts.tolist())}
            texts = np.array([same[text] for text in texts.tolist()], dtype=object)
        mask: NDArray[np.bool_] = (texts != None) & (texts != self.value)  # noqa: E711  element by element
        return mask

    def differs_from(self, value: Any) -> bool:
        """Tell whether a JSON value is another one."""
        text = self._text(value)
        return text is not None and text != self.value

    def _text(self, value: Any) -> str | None:
        if value is None or (isinstance(value, str) and is_missing(value)):
            return None
        if isinstance(value, int | float) and not isinstance(value, bool):
            try:
                return number_text(value) or None  # NaN
            except OverflowError:  # a whole number above 1.8e308
                return str(value)
        text = str(value)
        if self.type == "number" and (number := parse_code(text)) is not None:
            return number_text(number)
        if self.type == "date" and (date := parse_date(text)) is not None:
            return date_text(date)
        return text

    def to_dict(self) -> dict[str, str]:
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        return cls(**stored)


def changed_in_row(constants: Mapping[str, Constant], row: Mapping[str, Any]) -> Iterator[str]:
    """Yield what to say about the constant columns of a row of JSON values that have another value."""
    for name, constant in constants.items():
        if name in row and constant.differs_from(row[name]):
            was, now = quoted(constant.value), quoted(row[name])
            yield f"{named(name)}: was {was} in every training row and is {now} here; the score knows nothing of it"


def changed_in_rows(constants: Mapping[str, Constant], source: TableSource) -> Sequence[str]:
    """Return what to say about the constant columns that have another value in some rows; only those are read."""
    present = [name for name in constants if name in source.columns]
    counts = dict.fromkeys(present, 0)
    for block in source.batches(present) if present else ():
        for name in present:
            counts[name] += int(constants[name].differs(block.columns[name]).sum())
    return [
        f"{named(name)} was {quoted(constants[name].value)} in every training row and has another value in {count:,} of"
        f" {source.rows:,} rows; the scores know nothing of it"
        for name, count in counts.items()
        if count
    ]
