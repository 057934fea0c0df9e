"""The Celery application: workers only supervise; training runs in child processes (workflows.execution)."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nnservice.settings")

app = Celery("nnservice")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.autodiscover_tasks(["workflows"], related_name="worker")  # what a worker does when it starts and ends
