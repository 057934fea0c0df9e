"""Typed readers of environment variables that fail loudly, naming the variable and what it takes."""

import os

from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str = "") -> str:
    """Return the variable, or `default` when it is unset or empty."""
    return os.environ.get(name, "").strip() or default


def integer(name: str, default: int, *, minimum: int = 0) -> int:
    """Return the variable as a whole number of at least `minimum`."""
    value = text(name)
    if not value:
        return default
    try:
        number = int(value)
    except ValueError:
        number = minimum - 1
    if number < minimum:
        raise ImproperlyConfigured(f"{name} must be a whole number of at least {minimum}, not '{value}'")
    return number


def flag(name: str, *, default: bool) -> bool:
    """Return the variable as a boolean: 1/true/yes/on or 0/false/no/off."""
    value = text(name).lower()
    if not value:
        return default
    if value in ("1", "true", "yes", "on"):
        return True
    if value in ("0", "false", "no", "off"):
        return False
    raise ImproperlyConfigured(f"{name} must be one of 1, true, yes, on, 0, false, no, off, not '{value}'")


def choice(name: str, default: str, among: tuple[str, ...]) -> str:
    """Return the variable as one of `among`."""
    value = text(name, default)
    if value not in among:
        raise ImproperlyConfigured(f"{name} must be one of {', '.join(among)}, not '{value}'")
    return value


def rate(name: str, default: str) -> tuple[int, int] | None:
    """Return the variable as (requests, seconds), from `600/minute`; None for `off`."""
    value = text(name, default).lower()
    if value == "off":
        return None
    number, _, period = value.partition("/")
    seconds = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}.get(period)
    if seconds is None or not (number.isascii() and number.isdigit() and int(number) > 0):
        raise ImproperlyConfigured(
            f"{name} must be off, or requests per second, minute, hour or day such as 600/minute, not '{value}'"
        )
    return int(number), seconds


def words(name: str, default: tuple[str, ...]) -> list[str]:
    """Return the variable as a list of words separated by commas."""
    value = text(name)
    return [word.strip() for word in value.split(",") if word.strip()] if value else list(default)
