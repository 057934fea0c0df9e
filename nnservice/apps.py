"""What Django loads with the project: the Celery application, and the admin site."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class ServiceConfig(AppConfig):
    """The project itself. The package stays free of Celery, which the launcher does not need."""

    name = "nnservice"

    def ready(self) -> None:
        from nnservice import celery  # noqa: F401 - without it tasks would be sent to Celery's default broker


class ServiceAdminConfig(AdminConfig):
    """Django's admin, entered by administrators alone."""

    default_site = "workflows.access.admin_site.ServiceAdminSite"
