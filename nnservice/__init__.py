"""The Django project: settings, URLs, Celery, WSGI and the launcher."""

from nnservice.celery import app as celery_app

__all__ = ["celery_app"]
