"""Logged rows on their way into the database: one statement for many rows, and next to no Python for each.

Building a model's instance for each row and an INSERT of all their values, as `bulk_create` does, takes three times as
long, and takes it from the requests of the process.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from operator import itemgetter
from typing import Any

from django.db import connection

from workflows.models import LoggedRow
from workflows.watching.entries import Entry
from workflows.watching.masking import unmasked
from workflows.watching.sampling import is_sampled

CONTRIBUTIONS = 3
"""So many of a row are kept, the largest."""
OF_MODEL = ("version", "run", "rule")
COLUMNS = (*OF_MODEL, "created", "row_id", "score", "anomaly", "values", "contributions")
FIELDS = {field.name: field for field in LoggedRow._meta.concrete_fields}  # noqa: SLF001 - Django's API
as_json = json.JSONEncoder().encode


def insert_rows(entries: Iterable[Entry]) -> None:
    """Insert the sampled rows of some requests."""
    with connection.cursor() as cursor:
        cursor.executemany(_statement(connection.vendor), list(_rows_of(entries)))


def _rows_of(entries: Iterable[Entry]) -> Iterator[tuple[Any, ...]]:
    prepared: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for entry in entries:
        model = (entry.version_id, entry.run_id, entry.rule_id)
        if model not in prepared:
            prepared[model] = _prepared(model)
        of_request = (*prepared[model], connection.ops.adapt_datetimefield_value(entry.created))
        for row, answer in zip(entry.rows, entry.answers, strict=True):
            if is_sampled(answer["row_id"]):
                yield (
                    *of_request,
                    answer["row_id"],
                    answer["score"],
                    answer["anomaly"],
                    as_json(unmasked(row)),
                    as_json(largest(unmasked(answer["contributions"]))),
                )


def _prepared(model: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(FIELDS[name].get_db_prep_save(key, connection) for name, key in zip(OF_MODEL, model, strict=True))


@cache
def _statement(vendor: str) -> str:
    quote = connection.ops.quote_name
    names = ", ".join(quote(str(FIELDS[name].column)) for name in COLUMNS)
    table = quote(LoggedRow._meta.db_table)  # noqa: SLF001
    return f"INSERT INTO {table} ({names}) VALUES ({', '.join(['%s'] * len(COLUMNS))})"  # noqa: S608 - fixed names


def largest(contributions: Mapping[str, float]) -> dict[str, float]:
    """Return the largest few contributions, the largest first."""
    return dict(sorted(contributions.items(), key=itemgetter(1), reverse=True)[:CONTRIBUTIONS])
