"""OpenAPI: what every operation has in common, said once."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import build_parameter_type
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers

from workflows.access.principal import is_open
from workflows.access.users import USERNAME_PATTERN
from workflows.api.converters import DETECTORS, FORMS, PREDICTIONS, SOURCES, STAGES
from workflows.api.representation import NninfoRenderer
from workflows.models.network import NAME_PATTERN

Method = TypeVar("Method", bound=Callable[..., Any])

NAME = {"type": "string", "pattern": rf"^{NAME_PATTERN}$"}
NUMBER = {"type": "integer", "minimum": 0, "maximum": 999_999_999}
PATH_PARTS: dict[str, dict[str, Any]] = {
    "nnid": NAME,
    "ver": NUMBER,
    "node": NAME,
    "net": {"type": "string", "enum": list(DETECTORS)},
    "src": {"type": "string", "enum": list(SOURCES)},
    "form": {"type": "string", "enum": list(FORMS)},
    "prg": {"type": "string", "enum": list(STAGES)},
    "kind": {"type": "string", "enum": list(PREDICTIONS)},
    "served": {"type": "string", "pattern": "^(active|[0-9]{1,9})$"},
    "run": {"type": "string", "format": "uuid"},
    "line": NUMBER,
    "batch": NUMBER,
    "token": NAME,
    "user": {"type": "string", "pattern": rf"^{USERNAME_PATTERN}$"},
}


class ErrorBody(serializers.Serializer[Any]):
    """Every error."""

    status = serializers.CharField(help_text="the HTTP status")
    result = serializers.CharField(help_text="what is wrong, for people")
    errors = serializers.DictField(  # type: ignore[assignment]  # the name of the API, shadows a property not used here
        child=serializers.ListField(child=serializers.CharField()), help_text="by field"
    )


MEANING = {
    400: "a field is invalid",
    401: "no valid token (not in open mode)",
    403: "the caller may not do this",
    404: "no such network, version, node, file or run",
    405: "the name is reserved",
    406: "the representation is not offered",
    409: "the state of things does not allow it now",
    413: "the body is too large",
    415: "the media type is not taken",
    422: "the data do not fit the parameters",
    429: "too many requests: Retry-After says when to come back; or a quota is used up",
    503: "database or broker cannot be reached; try again",
    507: "the disk of the service is full",
}


def documented(
    operation_id: str,
    summary: str,
    *,
    answer: Any,
    body: Any = None,
    query: Any = None,
    errors: Sequence[int] = (400, 404),
) -> Callable[[Method], Method]:
    """Describe one operation: its body, query parameters, answer and the errors it can give."""
    codes = {400, 401, 403, 406, 429, 503, 507, *errors} | ({413, 415} if body is not None else set())
    refusals: dict[Any, Any] = {
        code: OpenApiResponse(ErrorBody, description=MEANING[code]) for code in sorted(codes - {406})
    }
    # Nothing that the client accepts is offered, so the answer is in the default representation.
    refusals[406, NninfoRenderer.media_type] = OpenApiResponse(str, description=MEANING[406])
    answers = answer if isinstance(answer, dict) else {200: answer}
    decorate: Callable[[Method], Method] = extend_schema(
        operation_id=operation_id,
        summary=summary,
        tags=[operation_id.partition("_")[0]],
        request=body,
        parameters=[query] if query is not None else [],
        responses={**answers, **refusals},
    )
    return decorate


def open_to_all(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Say of the service in open mode that no call needs a token."""
    if is_open():
        for path in result["paths"].values():
            for operation in path.values():
                operation.pop("security", None)
        result["components"].pop("securitySchemes", None)
    return result


class BearerScheme(OpenApiAuthenticationExtension):
    """How a token is sent."""

    target_class = "workflows.access.authentication.BearerAuthentication"
    name = "bearer"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "a token, see type/access/token/"}


def any_of_several(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Say of bodies that differ by workflow type that one may fit several: drf-spectacular says exactly one.

    Types share parameters, so a body that sets only these is valid for each of them.
    """
    for component in result["components"]["schemas"].values():
        if "oneOf" in component:
            component["anyOf"] = component.pop("oneOf")
    return result


class ServiceSchema(AutoSchema):
    """The plain representation of every operation, with strict path parts."""

    method: str

    def map_renderers(self, attribute: str) -> list[Any]:
        return ["application/json"] if attribute == "media_type" else super().map_renderers(attribute)

    def _resolve_path_parameters(self, variables: list[str]) -> list[dict[str, Any]]:
        return [
            build_parameter_type(name=name, location="path", required=True, schema=PATH_PARTS[name])
            for name in variables
        ]

    def _get_request_body(self, direction: str = "request") -> Any:
        if self.method != "DELETE":
            return super()._get_request_body(direction)
        # OpenAPI 3.1 allows a body on DELETE, and the old API has one; drf-spectacular (0.30)
        # only looks at POST, PUT and PATCH.
        self.method = "POST"
        try:
            return super()._get_request_body(direction)
        finally:
            self.method = "DELETE"
