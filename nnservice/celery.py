"""The Celery application: workers only supervise; training runs in child processes (workflows.execution)."""

import os

from celery import Celery
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nnservice.settings")

app = Celery("nnservice")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.autodiscover_tasks(["workflows"], related_name="worker")  # what a worker does when it starts and ends


@setup_logging.connect
def keep_the_logging_of_the_settings(**_: object) -> None:
    """Logs of workers and beat look like those of the web process: Celery sets up its own unless somebody else does."""
    import logging.config

    from django.conf import settings

    logging.config.dictConfig(settings.LOGGING)
