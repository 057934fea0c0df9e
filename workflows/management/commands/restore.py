"""`manage.py restore`: bring a backup into an empty installation."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from workflows.errors import ServiceError
from workflows.operations.restore import restore


class Command(BaseCommand):
    """Read back what `manage.py backup` wrote."""

    help = "Bring a backup into this installation, which must be migrated and empty. Every digest is checked first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="what `manage.py backup` made")

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            manifest = restore(options["folder"])
        except ServiceError as error:
            raise CommandError(error.message) from None
        self.stdout.write(f"restored the backup of {manifest['made']}: {len(manifest['files']):,} files and the rows")
        for path, why in manifest.get("damaged", {}).items():  # backups of earlier releases have none
            self.stderr.write(f"damaged already when it was made: {path}: {why}")
