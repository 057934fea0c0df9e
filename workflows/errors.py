"""What the service answers when it cannot do what was asked; one place turns these into HTTP (api.exceptions)."""

import errno
from collections.abc import Mapping, Sequence
from typing import ClassVar


def in_words(errors: Mapping[str, Sequence[str]]) -> str:
    """Return the first thing that is wrong with each field as one message."""
    return "; ".join(f"{field}: {why[0]}" if field else why[0] for field, why in errors.items())


class ServiceError(Exception):
    """Base of every expected failure: a message for people, `errors` by field, an HTTP status."""

    status: ClassVar[int]

    def __init__(self, message: str, errors: Mapping[str, Sequence[str]] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.errors: dict[str, list[str]] = {field: list(why) for field, why in (errors or {}).items()}


class Invalid(ServiceError):
    """A field has a value that is not allowed."""

    status = 400


class Forbidden(ServiceError):
    """The caller may not do this."""

    status = 403


class NotFound(ServiceError):
    """There is no such network, version, node, file or run."""

    status = 404


class NotOffered(ServiceError):
    """The name is reserved and does not take this verb."""

    status = 405


class Conflict(ServiceError):
    """The state of things does not allow it now."""

    status = 409


class LengthRequired(ServiceError):
    """The body comes without its length, so neither limits nor Django can deal with it."""

    status = 411


class TooLarge(ServiceError):
    """The body, or the answer to it, is larger than the service takes."""

    status = 413


class Unprocessable(ServiceError):
    """The data do not fit: a broken file, a missing column, no rows."""

    status = 422


class TooMany(ServiceError):
    """A quota is used up; it frees itself when something ends or is deleted."""

    status = 429


class Unavailable(ServiceError):
    """The database, the broker or the file storage is down; trying again later may work."""

    status = 503


class DiskFull(ServiceError):
    """There is no room for what was sent; nothing of it was kept."""

    status = 507

    def __init__(self) -> None:
        super().__init__(
            "the disk of the service is full, nothing was stored: delete networks, runs or files that nobody needs, or "
            "have its disk enlarged, then try again"
        )


def is_disk_full(error: BaseException) -> bool:
    """Tell whether an error of a file or of the database says that a disk is full."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return any(said in str(error) for said in ("database or disk is full", "No space left on device"))


class Damaged(ServiceError):
    """Stored files are missing or are not those that were written; the message says what was stored."""

    status = 503
