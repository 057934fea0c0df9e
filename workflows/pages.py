"""The first page: where a person who opens the service in a browser can go."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from algorithms.workflow_types import WORKFLOW_TYPES


@require_safe
def first_page(request: HttpRequest) -> HttpResponse:
    """Point to the documentation, the admin site and the first calls."""
    return render(request, "workflows/first_page.html", {"types": WORKFLOW_TYPES.values()})
