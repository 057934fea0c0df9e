"""URLs of the service: the API, its documentation, the admin site and the first page."""

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from workflows.operations.views import metrics
from workflows.pages import first_page


class DocumentationView(SpectacularSwaggerView):
    http_method_names = ["get", "head"]  # drf-spectacular (0.30) answers OPTIONS with 500


urlpatterns = [
    path("", first_page, name="first-page"),
    path("admin/", admin.site.urls),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", DocumentationView.as_view(url_name="schema"), name="docs"),
    path("metrics", metrics, name="metrics"),
    path("api/v1/", include("workflows.api.urls")),
]
handler400 = "workflows.api.exceptions.answer_bad_request"
handler404 = "workflows.api.exceptions.answer_not_found"
handler500 = "workflows.api.exceptions.answer_server_error"
