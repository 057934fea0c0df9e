"""What the text of a cell means: missing, a number, a date. One rule for CSV files, data frames and JSON rows."""

import math
import re
from datetime import UTC, datetime

MISSING = frozenset({"", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "#N/A"})
"""Texts that mean "no value"; surrounding blanks do not count."""

# Leading zeros are not part of the grammar: 007 is an identifier, not 7.
NUMBER = r"[+-]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
INFINITE = r"[+-]?[iI][nN][fF](?:[iI][nN][iI][tT][yY])?"
DATE = (
    r"[0-9]{4}(?:-[0-9]{2}-|/[0-9]{2}/)[0-9]{2}"
    r"(?:[ T][0-9]{2}(?::[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,9})?)?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_NUMBER = re.compile(f"(?:{NUMBER}|{INFINITE})")
_DATE = re.compile(DATE)

BLANKS = " \t\n\r\v\f"
WHOLE = r"[+-]?[0-9]+"
_WHOLE = re.compile(WHOLE)
EXACT = 2.0**53
"""Below it float64 tells all whole numbers apart."""


def is_missing(text: str) -> bool:
    """Tell whether the text of a cell means "no value"."""
    return text.strip(BLANKS) in MISSING


def parse_number(text: str) -> float | None:
    """Return the number a cell holds, None if it holds none; infinite for "inf" and for numbers above 1.8e308."""
    stripped = text.strip(BLANKS)
    return float(stripped) if _NUMBER.fullmatch(stripped) else None


def parse_code(text: str) -> float | None:
    """Return the number that stands for a cell of numeric codes, None if none does.

    None does for a whole number of 2^53 or more: float64 would make one of it and its neighbours.
    """
    number = parse_number(text)
    is_long = number is not None and abs(number) >= EXACT and _WHOLE.fullmatch(text.strip(BLANKS))
    return None if is_long else number


def parse_date(text: str) -> datetime | None:
    """Return the date a cell holds, None if it holds none.

    ISO 8601 dates and date-times, also with slashes (2017/01/31 10:00:00). Zones are converted to UTC and dropped; a
    time without zone is taken as it is. Finer than a microsecond is cut off.
    """
    stripped = text.strip(BLANKS)
    if not _DATE.fullmatch(stripped):
        return None
    try:
        date = datetime.fromisoformat(stripped.replace("/", "-"))
        return date if date.tzinfo is None else date.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):  # the 31st of February; a zone that leaves the years 1 to 9999
        return None


def number_text(number: float) -> str:
    """Return the shortest text of a number: "1" for 1.0, "2.5" for 2.5; "" for NaN."""
    if math.isnan(number):
        return ""
    return str(int(number)) if abs(number) < EXACT and number == int(number) else repr(float(number))


def date_text(date: datetime) -> str:
    """Return a date in ISO 8601, without its time at midnight."""
    midnight = (date.hour, date.minute, date.second, date.microsecond) == (0, 0, 0, 0)
    return date.date().isoformat() if midnight else date.isoformat()
