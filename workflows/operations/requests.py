"""What every request gets: an id in its logs and its answer, a place in the metrics."""

import time
from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from nnservice.logs import log_context, request_id
from workflows.operations.metrics import observe_request

HEADER = "X-Request-ID"


class RequestMiddleware:
    """The outermost: it times a request to the begin of its answer."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        name = request_id(request.headers.get(HEADER))
        with log_context(request_id=name):
            response = self.get_response(request)
        response[HEADER] = name
        observe_request(request, response.status_code, time.perf_counter() - began)
        return response
