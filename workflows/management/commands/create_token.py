"""`manage.py create_token USER`: make a token for a user who lost theirs."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from workflows.access.tokens import create_token
from workflows.access.users import get_user
from workflows.errors import ServiceError
from workflows.management.commands.create_admin import add_token_arguments


class Command(BaseCommand):
    """Make a token; it goes to standard output and is not shown again."""

    help = "Make a token for an existing user and print it once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take the user's name, and the token's name and days."""
        parser.add_argument("user", help="the user's name")
        add_token_arguments(parser)

    def handle(self, *, user: str, token_name: str, token_days: int | None, **_: Any) -> None:
        """Print the token."""
        try:
            _token, shown = create_token(get_user(user), token_name, token_days)
        except ServiceError as error:
            raise CommandError(error.message) from None
        self.stdout.write(shown)
