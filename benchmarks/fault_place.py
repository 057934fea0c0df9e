"""Where a fault campaign takes place: a small disk of its own, a database of its own."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dj_database_url
import psycopg

DISK_MB = 600


def cut_connections(url: str) -> None:
    """End every connection to a database, as a restart of its server does."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid()"
        )


@contextmanager
def own_small_disk(home: Path) -> Iterator[bool]:
    """Make the state folder, on a small disk of its own where root may mount one; tell whether it is."""
    home.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m,mode=700", "tmpfs", str(home)]
    mounted = os.getuid() == 0 and subprocess.run(command, check=False, capture_output=True).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(home)], check=True)


@contextmanager
def new_database(server_url: str | None) -> Iterator[str | None]:
    """Give a new database of the server, dropped afterwards; None without a server."""
    if server_url is None:
        yield None
        return
    parts = dj_database_url.parse(server_url)
    name = f"faults_{os.getpid()}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    try:
        yield server_url.removesuffix(f"/{parts['NAME']}") + f"/{name}"
    finally:
        with psycopg.connect(server_url, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
