"""The connection to the database."""

from django.db import connection


def let_go() -> None:
    """Close this thread's connection before a long wait, unless in a transaction; the next query opens another."""
    if not connection.in_atomic_block:
        connection.close()
