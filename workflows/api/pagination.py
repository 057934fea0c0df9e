"""Pages of lists: `?page=` and `?page_size=`; the body of a list stays a list, the headers say how much there is."""

from typing import Any

from django.core.paginator import Paginator
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from workflows.api.serializers.base import StrictSerializer

PAGE_SIZE = 100
MAX_PAGE_SIZE = 1000


class PageQuery(StrictSerializer):
    """Query parameters of every list."""

    page = serializers.IntegerField(min_value=1, max_value=10**9, default=1)
    page_size = serializers.IntegerField(min_value=1, max_value=MAX_PAGE_SIZE, default=PAGE_SIZE)


class Page:
    """One page of a sequence or queryset; a page beyond the last is empty."""

    def __init__(self, items: Any, query: dict[str, Any]) -> None:
        paginator = Paginator(items, query["page_size"])
        self.number: int = query["page"]
        self.count = paginator.count
        self.pages = paginator.num_pages
        self.items: list[Any] = list(paginator.page(self.number).object_list) if self.number <= self.pages else []

    def answer(self, body: Any, request: Request) -> Response:
        """Answer with the page's place in the headers."""
        response = Response(body)
        response["X-Total-Count"] = str(self.count)
        links = [
            f'<{_at(request, number)}>; rel="{relation}"'
            for relation, number in (("prev", self.number - 1), ("next", self.number + 1))
            if 1 <= number <= self.pages
        ]
        if links:
            response["Link"] = ", ".join(links)
        return response

    def fields(self) -> dict[str, int]:
        """Return the page's place as fields of a body that is an object."""
        return {"count": self.count, "page": self.number, "pages": self.pages}


def _at(request: Request, page: int) -> str:
    query = request.query_params.copy()
    query["page"] = str(page)
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")
