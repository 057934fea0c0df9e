"""What can go wrong with data, parameters and artifacts, in words a user can act on."""

from collections.abc import Mapping, Sequence
from typing import Self


class DataError(ValueError):
    """The data do not fit: a broken file, a missing column, no rows, rows of the wrong shape.

    `errors` maps the name of the offending field (a column, a parameter, "file") to what is wrong with it.
    """

    def __init__(self, message: str, errors: Mapping[str, Sequence[str]] | None = None) -> None:
        super().__init__(message)
        self.errors: dict[str, list[str]] = {field: list(why) for field, why in (errors or {}).items()}

    def within(self, where: str) -> Self:
        """Return the error with a word in front that says where: the node, the file."""
        return type(self)(f"{where}: {self}", self.errors)


class RowsInvalid(DataError):
    """Rows sent for prediction do not have the fields, or the types, that the model was trained on."""


class RowsTooMany(DataError):
    """More rows were sent for prediction than fit into one answer."""


class ArtifactError(RuntimeError):
    """A stored model cannot be served."""


class ArtifactCorrupt(ArtifactError):
    """A file of the artifact is missing or does not have the digest of its manifest."""


class ArtifactIncompatible(ArtifactError):
    """The artifact was written in a format that this release does not read."""
