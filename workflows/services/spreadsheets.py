"""Downloads that a spreadsheet may open: no cell of them is run as a formula."""

import math
from typing import Any

from algorithms.tabular.cells import parse_number

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What makes a spreadsheet take a cell for a formula; the wide ones in East Asian settings."""


def harmless(value: Any) -> Any:
    """Return a cell that no spreadsheet runs: a text comes from whoever made the data, and may begin as a formula does.

    JSON and Parquet give such texts as they are, and so do all a number such as -3 or +82.
    """
    if isinstance(value, bool):
        return int(value)
    is_formula = isinstance(value, str) and value.startswith(FORMULA) and not _is_finite(value)
    return f"'{value}" if is_formula else value


def harmless_lines(lines: list[str]) -> str:
    """Return lines as a text of which no spreadsheet runs a line, nor a part of one behind a tab."""
    return "".join(f"{harmless(line.replace(chr(9), '    '))}\n" for line in lines)


def _is_finite(text: str) -> bool:
    number = parse_number(text)
    return number is not None and math.isfinite(number)
