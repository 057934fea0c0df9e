"""Columns of text become numbers, dates or text with missing cells, a batch at a time.

Arrow parses the common forms; what it does not take, or takes too generously, is decided by `algorithms.tabular.cells`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from algorithms.tables.reader import offsets
from algorithms.tabular.cells import DATE, EXACT, MISSING, WHOLE, parse_date, parse_number

_MISSING = pa.array(sorted(MISSING))
_NUMBERS, _DATES = pa.float64(), pa.timestamp("us")
_YEAR_1 = np.datetime64("0001-01-01", "us")
_ZERO, _NINE, _PLUS, _MINUS = b"09+-"

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Parsed:
    """The values (N,) of a column's batch, null where missing; which cells are given, and which of those do not fit.

    `long` of the given cells are whole numbers that float64 does not tell from their neighbours.
    """

    values: Any
    given: Mask
    misfits: Mask
    long: int = 0


def parse_text(cells: Any) -> Parsed:
    """Keep the text as it is written."""
    missing = means_missing(cells)
    values = pc.if_else(missing, pa.scalar(None, pa.string()), cells) if pc.any(missing).as_py() else cells
    given = ~missing.to_numpy(zero_copy_only=False)
    return Parsed(values, given, np.zeros_like(given))


def parse_numbers(cells: Any) -> Parsed:
    """Parse as float64; numbers that are too large are infinite, numbers with leading zeros do not fit."""
    values = _cast(cells, _NUMBERS)
    if values is not None and _all_plain(cells, values):
        return Parsed(values, np.ones(len(cells), dtype=bool), np.zeros(len(cells), dtype=bool))
    parsed = _parse(cells, values, _NUMBERS, lambda text: _parse_distinct(text, parse_number, _NUMBERS), _not_a_number)
    return replace(parsed, long=_count_long_whole_numbers(cells, parsed.values))


def parse_dates(cells: Any) -> Parsed:
    """Parse as timestamps in microseconds, without zone."""
    return _parse(cells, _cast(cells, _DATES), _DATES, _parse_rarer_dates, _before_year_1)


def means_missing(cells: Any) -> Any:
    """Tell which texts of an array mean "no value"; null does not say so."""
    return pc.is_in(pc.ascii_trim_whitespace(cells), value_set=_MISSING)


def _parse(
    cells: Any,
    values: Any | None,
    dtype: Any,
    parse_rarer: Callable[[Any], Any],
    too_generous: Callable[[Any, Any], Mask],
) -> Parsed:
    """Return what cells hold, given what Arrow took all of them for, if it did."""
    if values is None or (refused := too_generous(cells, values)).any():
        cells = _trimmed(cells)
        values = _cast(cells, dtype)
        if values is None:
            values = parse_rarer(cells)
        refused = too_generous(cells, values)
    given = _validity(cells)
    return Parsed(values, given, given & (refused | ~_validity(values)))


def _cast(cells: Any, dtype: Any) -> Any | None:
    try:
        # Arrow words an error for every cell that fails: a few cells first, they often tell.
        pc.cast(cells.slice(0, 16), dtype)
        return pc.cast(cells, dtype)
    except pa.ArrowInvalid:
        return None


def _parse_rarer_dates(cells: Any) -> Any:
    """Parse dates with slashes in bulk, and those with zones, or what is no date at all, one by one."""
    if pc.all(pc.match_substring_regex(cells, f"^{DATE}$")).as_py():
        values = _cast(pc.replace_substring(cells, "/", "-"), _DATES)
        if values is not None:
            return values
    return _parse_distinct(cells, parse_date, _DATES)


def _parse_distinct(cells: Any, parse: Callable[[str], object | None], dtype: Any) -> Any:
    encoded = cells.dictionary_encode()
    return pa.array([parse(text) for text in encoded.dictionary.to_pylist()], dtype).take(encoded.indices)


def _all_plain(cells: Any, values: Any) -> bool:
    """Tell at a glance, for most batches, that there is nothing to look at twice: no NaN, nothing large, no 007."""
    # The largest of numbers and a NaN is NaN, which is not below anything.
    return bool(np.abs(values.to_numpy()).max(initial=0.0) < EXACT) and not _leading_zeros(cells).any()


def _not_a_number(cells: Any, values: Any) -> Mask:
    """Cells like "NaN", which Arrow reads as a number, and 007, which it reads as 7."""
    refused: Mask = np.isnan(values.to_numpy(zero_copy_only=False)) | _leading_zeros(cells)
    return refused


def _count_long_whole_numbers(cells: Any, values: Any) -> int:
    """Count the whole numbers that float64 does not tell from their neighbours."""
    large = np.flatnonzero(np.abs(values.to_numpy(zero_copy_only=False)) >= EXACT)
    whole = pc.match_substring_regex(pc.ascii_trim_whitespace(cells.take(large)), f"^{WHOLE}$")
    return int(pc.sum(whole).as_py() or 0)


def _before_year_1(_: Any, values: Any) -> Mask:
    """Dates of the year 0, which no ISO calendar of ours has."""
    mask: Mask = values.to_numpy(zero_copy_only=False) < _YEAR_1
    return mask


def _leading_zeros(cells: Any) -> Mask:
    begins, buffer = offsets(cells).astype(np.intp), cells.buffers()[2]
    mask = np.zeros(len(cells), dtype=bool)
    if buffer is None:
        return mask
    data = np.frombuffer(buffer, dtype=np.uint8)[: begins[-1]]
    # Padded, so that the characters after a cell can be looked at before its length is.
    text = np.concatenate([data, np.zeros(3, dtype=np.uint8)])
    starts = text[begins[:-1]]
    signed = (starts == _PLUS) | (starts == _MINUS)
    suspects = np.flatnonzero(signed | (starts == _ZERO))
    first = begins[suspects] + signed[suspects]
    second = text[first + 1]
    mask[suspects] = (text[first] == _ZERO) & (second >= _ZERO) & (second <= _NINE) & (first + 1 < begins[suspects + 1])
    return mask


def _trimmed(cells: Any) -> Any:
    """Return the cells without the blanks around them, null where missing."""
    trimmed = pc.ascii_trim_whitespace(cells)
    return pc.if_else(pc.is_in(trimmed, value_set=_MISSING), pa.scalar(None, pa.string()), trimmed)


def _validity(array: Any) -> Mask:
    if array.null_count == 0:
        return np.ones(len(array), dtype=bool)
    valid: Mask = array.is_valid().to_numpy(zero_copy_only=False)
    return valid
