"""Downloads that a spreadsheet may open: no cell of them is run as a formula."""

import math
import re
from typing import Any

from algorithms.tabular.cells import parse_number

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What makes a spreadsheet take a cell for a formula; the wide ones in East Asian settings."""
BEHIND_A_SEPARATOR = re.compile(r'([;\t\r\n][ "]*+)(?=[=+\-@＝＋－＠])')
"""Where a spreadsheet that splits at semicolons, as in most of Europe, or at tabs begins a cell with a formula."""


def harmless(value: Any) -> Any:
    """Return a cell that no spreadsheet runs: a text comes from whoever made the data, and may begin as a formula does.

    It gets an apostrophe in front of the formula, also in the middle of the text where a spreadsheet may split it. JSON
    and Parquet give such texts as they are, and so do all a number such as -3 or +82.
    """
    if isinstance(value, bool):
        return int(value)
    if not isinstance(value, str) or _is_finite(value):
        return value
    text = BEHIND_A_SEPARATOR.sub(r"\1'", value)
    return f"'{text}" if value.startswith(FORMULA) or value.lstrip().startswith(FORMULA) else text


def harmless_lines(lines: list[str]) -> str:
    """Return lines as a text of which no spreadsheet runs a line, nor a part of one behind a tab."""
    return "".join(f"{harmless(line.replace(chr(9), '    '))}\n" for line in lines)


def _is_finite(text: str) -> bool:
    number = parse_number(text)
    return number is not None and math.isfinite(number)
