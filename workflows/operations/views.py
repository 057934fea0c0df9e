"""The metrics page, for a scraper."""

import math
from http import HTTPStatus
from secrets import compare_digest

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.request import Request

from workflows.access.authentication import BearerAuthentication
from workflows.access.principal import is_open
from workflows.access.rules import PERMISSIONS, Rule
from workflows.access.throttles import count_stranger, refuse_used_up
from workflows.operations.metrics import exposition


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer the metrics, to those who may see them."""
    try:
        allowed = may_scrape(request)
    except Throttled as error:
        headers = {"Retry-After": str(math.ceil(getattr(error, "wait", None) or 1))}
        text = "too many wrong tokens from this address\n"
        return HttpResponse(text, status=error.status_code, headers=headers, content_type="text/plain")
    if not allowed:
        headers = {"WWW-Authenticate": "Bearer"}
        text = "send Authorization: Bearer with NNSERVICE_METRICS_TOKEN or the token of an admin\n"
        return HttpResponse(text, status=HTTPStatus.UNAUTHORIZED, headers=headers, content_type="text/plain")
    return HttpResponse(exposition(), content_type=CONTENT_TYPE_LATEST)


def may_scrape(request: HttpRequest) -> bool:
    """Tell whether a request carries the scraper's token or an admin's; in open mode nobody needs one.

    Raises:
        Throttled: too many without a valid token came from this address; then not even the right one is looked at.
    """
    refuse_used_up(request)
    given = request.headers.get("Authorization", "").partition(" ")[2].strip()
    if settings.METRICS_TOKEN and compare_digest(given.encode(), settings.METRICS_TOKEN.encode()):
        return True
    if is_open():
        if settings.METRICS_TOKEN:
            count_stranger(request)
        return not settings.METRICS_TOKEN
    try:
        known = BearerAuthentication().authenticate(Request(request))
    except AuthenticationFailed:
        return False
    return known is not None and known[0].has_perm(PERMISSIONS[Rule.ADMINISTER])
