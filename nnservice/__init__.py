"""The Django project: settings, URLs, Celery, WSGI and the launcher."""
