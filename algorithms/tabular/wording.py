"""How values and lists of names appear in messages: quoted, and shortened when long."""

from collections.abc import Iterable
from reprlib import Repr
from typing import Any

MAX_CHARACTERS = 80

_REPR = Repr()
_REPR.maxstring = _REPR.maxother = MAX_CHARACTERS
_REPR.maxlevel = 2


def quoted(value: Any) -> str:
    """Return the value as Python would write it; a long or deep one is shortened, however large it is."""
    return _REPR.repr(value)


def named(name: str) -> str:
    """Return a column's name, cut after 80 characters; halves of surrogate pairs, which JSON may bring, are escaped."""
    short = name if len(name) <= MAX_CHARACTERS else name[:MAX_CHARACTERS] + "…"
    return short.encode(errors="backslashreplace").decode()


def listed(names: Iterable[str], at_most: int = 20) -> str:
    """Join names with commas; a long list ends in "and N more"."""
    every = [named(name) for name in names]
    shown = ", ".join(every[:at_most])
    return shown if len(every) <= at_most else f"{shown} and {len(every) - at_most} more"


def no_such_column(lacking: Iterable[str], present: Iterable[str], *, owner: str = "the data have") -> str:
    """Say that columns were named that are not there, and which are."""
    return f"no such column: {listed(lacking)}; {owner}: {listed(present)}"


def percent(share: float) -> str:
    """Return a share as a percentage that never rounds a small share down to nothing."""
    return f"{100 * share:.0f} %" if share >= 0.01 else f"{100 * share:.1g} %"
