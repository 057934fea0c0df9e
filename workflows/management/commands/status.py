"""`manage.py status`: how the service is, in one table."""

from typing import Any

from django.core.management.base import BaseCommand

from workflows.operations.status import report


class Command(BaseCommand):
    """Print services, workers, runs, disk usage by network, and versions."""

    help = "Show services, workers, runs by state, disk usage by network, and versions."

    def handle(self, *_: Any, **__: Any) -> None:
        self.stdout.write(report())
