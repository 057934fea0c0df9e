"""Parsers that refuse what could not be stored or answered."""

import json
import math
import re
from collections.abc import Mapping
from typing import IO, Any, NoReturn

from django.conf import settings
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import JSONParser, MultiPartParser

from workflows import database
from workflows.access.permissions import ask_again

# What a text column of the database cannot hold: NUL and half of a surrogate pair.
SUSPICIOUS = re.compile(rb"\\u(0000|[dD][89a-fA-F])|\x00")


class BodyTooLarge(APIException):
    """The body is larger than this path takes."""

    status_code = 413
    default_code = "too_large"


class JSONObjectParser(JSONParser):
    """JSON whose top is an object, with finite numbers and storable text; Django limits its size."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        raw = stream.read()
        _ask_again(parser_context)
        try:
            text = raw.decode("utf-8-sig")
            body = json.loads(text, parse_constant=_refuse_constant, parse_float=_finite)
            if SUSPICIOUS.search(raw):
                _refuse_unstorable(json.dumps(body, ensure_ascii=False))
        except UnicodeDecodeError as error:
            raise ParseError(f"the body is not UTF-8: {error.reason} at byte {error.start}") from None
        except RecursionError:
            raise ParseError("the JSON is nested too deeply") from None
        except ValueError as error:
            raise ParseError(f"the body is no valid JSON: {error}") from None
        if not isinstance(body, dict):
            kind = {list: "an array", str: "a string", type(None): "null", bool: "a boolean"}.get(
                type(body), "a number"
            )
            raise ParseError(f"the body must be a JSON object, not {kind}")
        return body


def _ask_again(parser_context: Mapping[str, Any] | None) -> None:
    if parser_context:
        ask_again(parser_context["request"], parser_context["view"])


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is beyond the range of a number")
    return number


def _refuse_unstorable(text: str) -> None:
    if "\\u0000" in text:
        raise ValueError("text must not contain NUL")
    text.encode()  # UnicodeEncodeError, a ValueError, for a lone surrogate


class UploadParser(MultiPartParser):
    """multipart/form-data within the upload limit; files are streamed to disk by Django's upload handler."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        # Before anything is read.
        length = int(parser_context["request"].META.get("CONTENT_LENGTH") or 0) if parser_context else 0
        if length > settings.MAX_UPLOAD_BYTES:
            raise BodyTooLarge(f"the upload has {length:,} bytes; at most {settings.MAX_UPLOAD_BYTES:,} are taken")
        database.let_go()
        parsed = super().parse(stream, media_type, parser_context)
        _ask_again(parser_context)
        return parsed
