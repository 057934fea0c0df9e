"""Turn pydantic's report into a message that names the field, what is allowed and what was given."""

from pydantic import BaseModel, ValidationError

from workflows.errors import in_words


def refusal_of(error: ValidationError, model: type[BaseModel]) -> tuple[str, dict[str, list[str]]]:
    """Return the message and the errors by field, under the API's names."""
    allowed = sorted(field.alias or name for name, field in model.model_fields.items())
    errors: dict[str, list[str]] = {}
    for problem in error.errors(include_url=False, include_context=False):
        path = [str(part) for part in problem["loc"] if not str(part).startswith("function-")]
        field = path[0] if path else "parameters"
        if problem["type"] == "extra_forbidden":
            why = f"unknown parameter; allowed are: {', '.join(allowed)}"
        else:
            where = f"[{'.'.join(path[1:])}] " if len(path) > 1 else ""
            why = where + problem["msg"].removeprefix("Value error, ")
            if path:
                why += f" (given: {_short(problem['input'])})"
        errors.setdefault(field, []).append(why)
    return in_words(errors), errors


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
