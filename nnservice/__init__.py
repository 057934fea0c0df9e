"""The Django project: settings, URLs, Celery, WSGI and the launcher."""

__version__ = "0.1.0"
