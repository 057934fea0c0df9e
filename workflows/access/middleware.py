"""What holds for every request, whichever view it is for."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.exceptions import Throttled
from rest_framework.views import APIView

from nnservice.auth import is_loopback
from workflows.access import audit
from workflows.access.permissions import DeclaredPermission
from workflows.access.principal import is_open
from workflows.access.throttles import count_login
from workflows.api.exceptions import answer_error
from workflows.errors import Forbidden, TooLarge

Answer = Callable[[HttpRequest], HttpResponseBase]
LOGIN = "/admin/login"
FORWARDED = ("Forwarded", "Via", "X-Real-IP", "X-Client-IP", "True-Client-IP", "CF-Connecting-IP")
REMEDY = "set NNSERVICE_AUTH=token to serve others than this machine's users"


class AccessMiddleware:
    """In open mode lets in only programs of this machine; in token mode refuses views that ask nobody for a token.

    It also has what was changed written down (`audit`), and passwords for the admin site cannot be tried at full speed.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        refusal = why_not_open_to(request) if is_open() else None
        if refusal is not None:
            return answer_error(request, Forbidden(refusal))
        refused = None if request.path_info.startswith("/api/") else self._refuse_outside_the_api(request)
        if refused is not None:
            return refused
        response = self.get_response(request)
        audit.note(request, response)
        return response

    def _refuse_outside_the_api(self, request: HttpRequest) -> HttpResponseBase | None:
        # Django would write the files of a form to the disk, a stranger's too: no page there takes any.
        if int(request.META.get("CONTENT_LENGTH") or 0) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            return answer_error(request, TooLarge(f"more than {settings.DATA_UPLOAD_MAX_MEMORY_SIZE:,} bytes"))
        wait = count_login(request) if request.method == "POST" and request.path_info.startswith(LOGIN) else None
        return None if wait is None else answer_error(request, Throttled(wait))

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        """Refuse a view that is neither held against the table of rules nor named in the settings."""
        if is_open() or _asks_for_a_token(view) or _is_named(request.path_info):
            return None
        return answer_error(request, Forbidden("no rule says who may use this path"))


def why_not_open_to(request: HttpRequest) -> str | None:
    """Return why open mode does not take a request; None if it does.

    What came through a proxy comes from anywhere. A page of another site that is shown in a browser on this machine
    must neither read nor change anything here; only following a link to the first page is harmless.
    """
    if not is_loopback(request.META.get("REMOTE_ADDR", "")):  # empty behind a Unix socket, where a proxy may be
        return f"open mode serves this machine only; {REMEDY}"
    if request.META.get("SERVER_PROTOCOL") == "HTTP/1.0":
        return f"open mode takes no HTTP/1.0, which nginx speaks to what it stands in front of; {REMEDY}"
    forwarded = [name for name in request.headers if name.startswith("X-Forwarded-") or name in _FORWARDED]
    if forwarded:
        return f"open mode takes no forwarded requests ({forwarded[0]}); {REMEDY}"
    if request.path_info == "/" and request.method in ("GET", "HEAD"):
        return None
    if request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
        return "open mode takes no requests of other sites (Sec-Fetch-Site)"
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"{request.scheme}://{request.get_host()}":
        return "open mode takes no requests of other sites (Origin)"
    return None


# As Django spells the names of headers.
_FORWARDED = frozenset(name.title() for name in FORWARDED)


def _asks_for_a_token(view: Callable[..., Any]) -> bool:
    cls = getattr(view, "cls", None)
    return isinstance(cls, type) and issubclass(cls, APIView) and DeclaredPermission in cls.permission_classes


def _is_named(path: str) -> bool:
    return path in settings.PUBLIC_PATHS or any(path.startswith(part) for part in settings.SELF_GUARDED_PATHS)
