"""`manage.py create_bucket`: make the bucket that STORAGE_URL names."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from workflows import files
from workflows.errors import Unavailable


class Command(BaseCommand):
    """Make the bucket of STORAGE_URL unless it is there; a storage in a folder needs none."""

    help = "Make the S3 bucket that STORAGE_URL names, unless it is there already, and check that it takes files."

    def handle(self, **_: Any) -> None:
        """Make it, and say what was done."""
        try:
            made = files.make_bucket()
            files.check_writable()
        except (Unavailable, OSError) as error:
            raise CommandError(str(error)) from None
        self.stdout.write("the bucket was made" if made else "the storage is there, and takes files")
