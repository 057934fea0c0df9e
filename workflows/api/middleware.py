"""Paths of the API work with and without the final slash, for every verb."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse


class FinalSlashMiddleware:
    """Add the final slash of an API path before it is routed; a redirect would turn POST into GET."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info.startswith("/api/") and not request.path_info.endswith("/"):
            request.path_info += "/"
        return self.get_response(request)
