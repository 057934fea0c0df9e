"""What is settled before a request of the API is routed."""

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from workflows.api.exceptions import answer_error
from workflows.errors import LengthRequired

Answer = Callable[[HttpRequest], HttpResponseBase]


class ApiMiddleware:
    """Paths work with and without the final slash, for every verb; a body must come with its length.

    A redirect to the path with the slash would turn POST into GET. Django reads a body without a Content-Length
    (chunked) as empty: the client would be told of success, and its data be lost.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith("/api/"):
            return self.get_response(request)
        if not request.path_info.endswith("/"):
            request.path_info += "/"
        if "Transfer-Encoding" in request.headers:
            return answer_error(request, LengthRequired("send the body with a Content-Length, not chunked"))
        return self.get_response(request)
