"""Queries that are asked with every request: Django puts each together once, afterwards only its values change.

To build a query, compile it and make objects of what it finds costs several times what the database takes to answer it.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import connection
from django.db.models import QuerySet

_FIRST_MARKER = 2_000_000_011
"""An integer that every integer column can hold, and that no query has of its own."""


class Prepared:
    """A query by named values, whole numbers or texts; `build` makes it, as `values_list`, of any such values."""

    def __init__(self, build: Callable[..., QuerySet[Any, tuple[Any, ...]]]) -> None:
        self._build = build
        self._compiled: dict[tuple[str, frozenset[str]], tuple[str, list[Any]]] = {}

    def first(self, **values: int | str) -> tuple[Any, ...] | None:
        """Return the first row as the database's driver gives it, None if there is none."""
        kind = connection.vendor, frozenset(values)
        if kind not in self._compiled:
            self._compiled[kind] = self._compile(values)
        sql, places = self._compiled[kind]
        with _cursor() as cursor:
            cursor.execute(sql, [values[place.name] if isinstance(place, _Place) else place for place in places])
            row: tuple[Any, ...] | None = cursor.fetchone()
            return row

    def _compile(self, values: Mapping[str, int | str]) -> tuple[str, list[Any]]:
        markers: dict[Any, str] = {
            number if isinstance(value, int) else str(number): name
            for number, (name, value) in enumerate(values.items(), start=_FIRST_MARKER)
        }
        built = self._build(**{name: marker for marker, name in markers.items()})[:1]
        sql, given = built.query.sql_with_params()
        places = [_Place(markers[value]) if value in markers else value for value in given]
        if {place.name for place in places if isinstance(place, _Place)} != set(values):
            raise AssertionError(f"the query does not ask for each of {', '.join(values)} as it was given")
        return sql, places


@contextmanager
def _cursor() -> Iterator[Any]:
    """Give a cursor; PostgreSQL plans what it is asked for once in a connection, not each time."""
    if connection.vendor != "postgresql":
        with connection.cursor() as cursor:
            yield cursor
        return
    import psycopg

    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        yield cursor


class _Place:
    """Where a value comes in."""

    def __init__(self, name: str) -> None:
        self.name = name
