"""The one place where errors become answers: the old shape with a true status code."""

import logging
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import SimpleTemplateResponse
from kombu.exceptions import OperationalError as BrokerDown
from rest_framework import exceptions as drf
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView, set_rollback

from workflows.errors import (
    DiskFull,
    Forbidden,
    NotFound,
    NotOffered,
    ServiceError,
    TooLarge,
    Unavailable,
    in_words,
    is_disk_full,
)

logger = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = "5"


def answer_exception(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """Answer an expected error; None lets Django answer 500 and log it."""
    expected = _as_service_error(error)
    if expected is not None:
        response = _answer(expected.status, expected.message, expected.errors)
        if isinstance(expected, Unavailable):
            response["Retry-After"] = RETRY_AFTER_SECONDS
        if isinstance(expected, NotOffered):
            response["Allow"] = "GET"
    elif isinstance(error, drf.APIException):
        message, errors = _flatten(error.detail)
        if isinstance(error, drf.NotAcceptable):
            offered = ", ".join(renderer.media_type for renderer in APIView.renderer_classes)
            message = f"this representation is not offered; Accept one of: {offered}"
        response = _answer(error.status_code, message, errors)
        for name, value in _headers_of(error, context).items():
            response[name] = value
    else:
        return None
    set_rollback()
    return response


def _as_service_error(error: Exception) -> ServiceError | None:
    if isinstance(error, ServiceError):
        return error
    if isinstance(error, Http404):
        return NotFound(str(error) or "there is nothing here")
    if isinstance(error, PermissionDenied):
        return Forbidden(str(error) or "not allowed")
    if isinstance(error, RequestDataTooBig):
        return TooLarge(f"the body, files aside, is larger than {settings.DATA_UPLOAD_MAX_MEMORY_SIZE:,} bytes")
    if isinstance(error, TooManyFilesSent):
        return TooLarge(f"the form has more than {settings.DATA_UPLOAD_MAX_NUMBER_FILES} files; send several requests")
    if isinstance(error, TooManyFieldsSent):
        return TooLarge(f"the form has more than {settings.DATA_UPLOAD_MAX_NUMBER_FIELDS} fields")
    if isinstance(error, (OSError, OperationalError)) and is_disk_full(error):
        logger.error("the disk is full: %s", error)
        return DiskFull()
    if isinstance(error, (OperationalError, InterfaceError)):
        logger.warning("the database failed: %s", error)
        return Unavailable("the database cannot be reached or is busy; try again")
    if isinstance(error, BrokerDown):
        logger.warning("the broker failed: %s", error)
        return Unavailable("the message broker cannot be reached; try again")
    return None


def _headers_of(error: drf.APIException, context: Mapping[str, Any]) -> dict[str, str]:
    headers: dict[str, str] = {}
    if isinstance(error, drf.MethodNotAllowed):
        view: APIView | None = context.get("view")
        headers["Allow"] = ", ".join(view.allowed_methods) if view else ""
    wait = getattr(error, "wait", None)
    if wait is not None:
        headers["Retry-After"] = f"{wait:.0f}"
    authenticate = getattr(error, "auth_header", None)
    if authenticate:
        headers["WWW-Authenticate"] = authenticate
    return headers


def _answer(status: int, message: str, errors: Mapping[str, list[str]]) -> Response:
    return Response({"status": str(status), "result": message, "errors": dict(errors)}, status=status)


def _flatten(detail: Any, field: str = "") -> tuple[str, dict[str, list[str]]]:
    """Return DRF's nested detail as one message and errors by dotted field."""
    errors: dict[str, list[str]] = {}

    def walk(part: Any, path: str) -> None:
        if isinstance(part, Mapping):
            for key, value in part.items():
                walk(value, f"{path}.{key}" if path else str(key))
        elif isinstance(part, list):
            for item in part:
                walk(item, path)
        else:
            errors.setdefault(path, []).append(str(part))

    walk(detail, field)
    return in_words(errors), {path: why for path, why in errors.items() if path}


class _ErrorView(APIView):
    """Answers an error in the negotiated representation where no view could, whoever asks."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    error: Exception = NotFound("there is nothing here")

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        raise self.error


def answer_error(request: HttpRequest, error: ServiceError | drf.APIException) -> HttpResponseBase:
    """Answer an error that was found before a view was."""
    response = _ErrorView.as_view(error=error)(request)
    if isinstance(response, SimpleTemplateResponse):
        response.render()
    return response


def answer_not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Answer a URL that matches no route."""
    error = NotFound(f"no such path: {request.path}; the paths are listed at /api/docs/")
    return _ErrorView.as_view(error=error)(request)


def answer_bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """Answer a request that Django refuses before a view sees it."""
    return _ErrorView.as_view(error=drf.ParseError(str(exception) or "bad request"))(request)


class _ServerError(drf.APIException):
    default_detail = "the service failed; its log says why"


def answer_server_error(request: HttpRequest) -> HttpResponseBase:
    """Answer after an unexpected exception; Django has logged it."""
    return _ErrorView.as_view(error=_ServerError())(request)
