"""`manage.py create_admin NAME`: make the first administrator and a token."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from workflows.access.tokens import create_token
from workflows.access.users import make_admin
from workflows.errors import ServiceError


class Command(BaseCommand):
    """Make an administrator, or find the user and make them one; the token on standard output is not shown again."""

    help = "Make an administrator, or make an existing user one, and print a new token once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the user's name, and the token's name and days."""
        parser.add_argument("name", help="the user's name")
        add_token_arguments(parser)

    def handle(self, *, name: str, token_name: str, token_days: int | None, **_: Any) -> None:
        """Make the user and print the token."""
        try:
            with transaction.atomic():  # nobody becomes an administrator by a command that fails
                _token, shown = create_token(make_admin(name), token_name, token_days)
        except ServiceError as error:
            raise CommandError(error.message) from None
        self.stderr.write(f"{name} is an administrator. The token, which is not shown again:")
        self.stdout.write(shown)


def add_token_arguments(parser: ArgumentParser) -> None:
    """Take what a new token is called, and for how long it is valid."""
    parser.add_argument("--token-name", default=f"made-{timezone.now():%Y%m%d-%H%M%S}", help="default: by the time")
    parser.add_argument("--token-days", type=int, help="for how many days it is valid (NNSERVICE_TOKEN_DAYS)")
