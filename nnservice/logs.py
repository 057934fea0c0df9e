"""Logs: a line for people or a JSON object for machines; both name the request and the run they belong to."""

import contextlib
import logging
import re
import secrets
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import Any

FORMATS = ("line", "json")
SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
"""Request ids that are taken from a client: nothing that could forge a line of the log or a header."""

_context: ContextVar[Mapping[str, str]] = ContextVar("log context", default={})  # noqa: B039 - never changed in place


@contextlib.contextmanager
def log_context(**fields: str) -> Iterator[None]:
    """Name what the lines logged in this block belong to: `request`, `run`."""
    token = _context.set({**_context.get(), **fields})
    try:
        yield
    finally:
        _context.reset(token)


def request_id(given: str | None) -> str:
    """Return the id a client or proxy gave the request if it is sane, else a new one."""
    return given if given and SANE_ID.fullmatch(given) else secrets.token_hex(8)


class ContextFilter(logging.Filter):
    """Adds what a record belongs to."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass."""
        for name, value in _context.get().items():
            if not hasattr(record, name):
                setattr(record, name, value)
        names = [f"{name}={getattr(record, name)}" for name in ("request_id", "run") if hasattr(record, name)]
        record.belongs = f" [{' '.join(names)}]" if names else ""
        return True


def json_formatter() -> logging.Formatter:
    """Return the formatter of JSON logs; what a record brings along as `extra` becomes a field."""
    from pythonjsonlogger.core import RESERVED_ATTRS
    from pythonjsonlogger.json import JsonFormatter

    return JsonFormatter(
        "%(asctime)s %(levelname)s %(name)s %(process)d %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S%z",
        rename_fields={"asctime": "time", "levelname": "level", "name": "logger"},
        reserved_attrs=[*RESERVED_ATTRS, "belongs", "request", "server_time"],
        json_default=str,
    )


def logging_settings(form: str, level: str) -> dict[str, Any]:
    """Return Django's LOGGING for one of FORMATS."""
    formatters = {
        "line": {"format": "%(asctime)s %(levelname)s %(name)s%(belongs)s %(message)s"},
        "json": {"()": json_formatter},
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"context": {"()": ContextFilter}},
        "formatters": {form: formatters[form]},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": form, "filters": ["context"]}},
        "root": {"handlers": ["stderr"], "level": level},
        # Django's own handlers for these would write a second line, in another format.
        "loggers": {name: {"handlers": [], "propagate": True} for name in ("django", "django.server")},
    }
