"""The three representations of every answer, and how one is chosen."""

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer, BrowsableAPIRenderer, JSONRenderer
from rest_framework.request import Request

if TYPE_CHECKING:
    from rest_framework.views import APIView


class NninfoRenderer(JSONRenderer):
    """The old API's representation: a JSON string that holds JSON, for `json.loads(response.json())`.

    It has a media type of its own and stands first: what a client without an `Accept` header gets.
    """

    media_type = "application/vnd.nninfo+json"
    format = "nninfo"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        inner = super().render(data, accepted_media_type, renderer_context)
        return json.dumps(inner.decode()).encode()


class PageRenderer(BrowsableAPIRenderer):
    """DRF's browsable API, showing the plain representation."""

    def get_default_renderer(self, view: "APIView") -> BaseRenderer:
        return JSONRenderer()


class StrictNegotiation(DefaultContentNegotiation):
    """`?format=` that is not offered is 406 like an `Accept` that is not offered, not 404."""

    def filter_renderers(self, renderers: Iterable[BaseRenderer], format: str) -> list[BaseRenderer]:  # noqa: A002
        offered = [renderer for renderer in renderers if renderer.format == format]
        if not offered:
            raise NotAcceptable(available_renderers=list(renderers))
        return offered


class Downloads:
    """For views: a file has the type that `?download=` names, whatever Accept says; errors are plain JSON then."""

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        try:
            return super().perform_content_negotiation(request, force)  # type: ignore[misc]  # APIView's
        except NotAcceptable:
            if "download" not in request.query_params:
                raise
            return JSONRenderer(), JSONRenderer.media_type
