"""Loads the Celery application with Django: without it tasks would be sent to Celery's default broker."""

from django.apps import AppConfig


class ServiceConfig(AppConfig):
    """The project itself. The package stays free of Celery, which the launcher does not need."""

    name = "nnservice"

    def ready(self) -> None:
        from nnservice import celery  # noqa: F401
