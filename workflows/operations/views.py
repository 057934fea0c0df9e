"""The metrics page, for a scraper."""

from http import HTTPStatus
from secrets import compare_digest

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST

from workflows.operations.metrics import exposition


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer the metrics, to those who may see them."""
    if not may_scrape(request):
        headers = {"WWW-Authenticate": "Bearer"}
        text = "send Authorization: Bearer with NNSERVICE_METRICS_TOKEN or the token of an admin\n"
        return HttpResponse(text, status=HTTPStatus.UNAUTHORIZED, headers=headers, content_type="text/plain")
    return HttpResponse(exposition(), content_type=CONTENT_TYPE_LATEST)


def may_scrape(request: HttpRequest) -> bool:
    """Tell whether a request carries the scraper's token; without one set, whether nobody needs a token."""
    if not settings.METRICS_TOKEN:
        return bool(settings.AUTH_MODE == "open")
    given = request.headers.get("Authorization", "").partition(" ")[2].strip()
    return compare_digest(given.encode(), settings.METRICS_TOKEN.encode())
