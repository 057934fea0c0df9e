"""Parts of the URLs, matched strictly: what does not match is no route."""

from django.urls import register_converter

from algorithms.workflow_types import WORKFLOW_TYPES
from workflows.access.users import USERNAME_PATTERN
from workflows.models.network import NAME_PATTERN

SOURCES = ("local",)
FORMS = ("raw",)
STAGES = ("source", "pre", "store")
DETECTORS = tuple(sorted({workflow.detector for workflow in WORKFLOW_TYPES.values()}))
PREDICTIONS = tuple(sorted({kind for workflow in WORKFLOW_TYPES.values() for kind in workflow.predictions}))


class NumberConverter:
    """A version number or a count; at most nine digits, so that every database can hold it."""

    regex = "[0-9]{1,9}"

    def to_python(self, value: str) -> int:
        return int(value)

    def to_url(self, value: int) -> str:
        return str(value)


class ServedVersionConverter:
    """A version number, or `active`."""

    regex = "active|[0-9]{1,9}"

    def to_python(self, value: str) -> int | None:
        return None if value == "active" else int(value)

    def to_url(self, value: int | None) -> str:
        return "active" if value is None else str(value)


class Text:
    """A part that is passed on as it stands."""

    regex = ""

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


def _matching(*patterns: str) -> type[Text]:
    return type("Matching", (Text,), {"regex": "|".join(patterns)})


def register() -> None:
    """Make the converters known to `path()`."""
    register_converter(_matching(NAME_PATTERN), "name")
    register_converter(_matching(USERNAME_PATTERN), "username")
    register_converter(NumberConverter, "number")
    register_converter(ServedVersionConverter, "served")
    register_converter(_matching(*SOURCES), "source")
    register_converter(_matching(*FORMS), "form")
    register_converter(_matching(*STAGES), "stage")
    register_converter(_matching(*DETECTORS), "detector")
    register_converter(_matching(*PREDICTIONS), "prediction")
