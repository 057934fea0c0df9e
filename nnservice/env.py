"""Typed readers of environment variables that fail loudly, naming the variable and what it takes."""

import os
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str = "") -> str:
    """Return the variable, or `default` when it is unset or empty."""
    return os.environ.get(name, "").strip() or default


def secret(name: str, *, minimum: int) -> str:
    """Return the variable, which must not be guessed and so is long; empty when it is unset or empty."""
    value = text(name)
    if value and len(value) < minimum:
        raise ImproperlyConfigured(
            f"{name} must have at least {minimum} characters, not {len(value)}; draw one with:"
            ' python3 -c "import secrets; print(secrets.token_urlsafe(50))"'
        )
    return value


def redis_url(name: str) -> str:
    """Return the variable as a URL that both Celery and redis-py take; empty when it is unset or empty."""
    value = text(name)
    try:
        parts = urlsplit(value)
        number = parts.path.strip("/")
        fits = parts.scheme in ("redis", "rediss") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
        fits = fits and (not number or (number.isascii() and number.isdigit()))
    except ValueError:  # of the port, or of an IPv6 address
        fits = False
    if value and not fits:
        raise ImproperlyConfigured(  # without the value: there may be a password in it
            f"{name} must be redis://[user:password@]host[:port][/number], or rediss:// for TLS; in the password"
            " characters such as / # ? % @ are written as %2F %23 %3F %25 %40"
        )
    return value


def integer(name: str, default: int, *, minimum: int = 0, maximum: int | None = None) -> int:
    """Return the variable as a whole number from `minimum` to `maximum`."""
    value = text(name)
    if not value:
        return default
    try:
        number = int(value)
    except ValueError:
        number = minimum - 1
    if number < minimum or (maximum is not None and number > maximum):
        wanted = f"of at least {minimum}" if maximum is None else f"from {minimum} to {maximum}"
        raise ImproperlyConfigured(f"{name} must be a whole number {wanted}, not '{value}'")
    return number


def share(name: str, default: float) -> float:
    """Return the variable as a number from 0 to 1."""
    value = text(name)
    try:
        number = float(value) if value else default
    except ValueError:
        number = -1.0
    if not 0.0 <= number <= 1.0:
        raise ImproperlyConfigured(f"{name} must be a number from 0 to 1, such as 0.1, not '{value}'")
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


def login_rates(stranger: tuple[int, int] | None) -> dict[str, tuple[int, int] | None]:
    """Return how often a password of the admin site is tried: from one address, for one name from there, for a name.

    The name alone is counted far higher, or whoever knows it could keep its owner out.
    """
    if stranger is None:
        return dict.fromkeys(("login", "login of name", "name"))
    limit, seconds = stranger
    return {"login": stranger, "login of name": (max(1, limit // 6), seconds), "name": (20 * limit, seconds)}
