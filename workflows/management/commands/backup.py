"""`manage.py backup`: write a backup while the service runs."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from workflows.errors import ServiceError
from workflows.operations.backup import back_up


class Command(BaseCommand):
    """Write the rows and files of this installation into a new folder."""

    help = "Write a backup of the database and of all files into a new folder, while the service runs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="made by the command; its parent must be there")

    def handle(self, *_: Any, **options: Any) -> None:
        folder: Path = options["folder"].absolute()
        try:
            manifest = back_up(folder)
        except ServiceError as error:
            raise CommandError(error.message) from None
        size = sum(told["size"] for told in manifest["files"].values())
        self.stdout.write(f"{folder}: {len(manifest['files']):,} files, {size / 1e6:,.1f} MB, and the database")
        damaged: dict[str, str] = manifest["damaged"]
        for path, why in damaged.items():
            self.stderr.write(f"damaged: {path}: {why}")
        if damaged:
            raise CommandError(
                f"{len(damaged):,} stored files are damaged: the backup has them as they are, all else is whole. "
                "Upload, or train, them again, or restore them from an earlier backup"
            )
