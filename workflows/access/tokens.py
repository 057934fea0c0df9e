"""Tokens: named, expiring, shown once."""

from datetime import timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from workflows.errors import Conflict, Invalid, NotFound
from workflows.models import Token

MOST = 100
"""Tokens of one user."""


@transaction.atomic
def create_token(user: User, name: str, days: int | None = None) -> tuple[Token, str]:
    """Make a token that expires after `days` (default NNSERVICE_TOKEN_DAYS); return it and what its holder sends.

    Tokens of the user that have expired are removed.

    Raises:
        Invalid: more days than NNSERVICE_MAX_TOKEN_DAYS.
        Conflict: the user has a token of this name, or too many, or is not active.
    """
    days = settings.TOKEN_DAYS if days is None else days
    if not 1 <= days <= settings.MAX_TOKEN_DAYS:
        raise Invalid(
            f"a token is valid for 1 to {settings.MAX_TOKEN_DAYS} days (NNSERVICE_MAX_TOKEN_DAYS)",
            {"days": [f"at most {settings.MAX_TOKEN_DAYS}"]},
        )
    if not User.objects.select_for_update(no_key=True).get(pk=user.pk).is_active:
        raise Conflict(f"{user} is not active, a token would let nobody in: PUT active_flag 'Y' on the user first")
    list_tokens(user).filter(expiry__lt=timezone.now()).delete()
    if list_tokens(user).filter(name=name).exists():
        raise Conflict(f"{user} has a token {name} already; DELETE it first, or take another name", {"name": ["taken"]})
    if list_tokens(user).count() >= MOST:
        raise Conflict(f"{user} has {MOST} tokens already; DELETE those that are not used")
    token, shown = Token.objects.create(user, expiry=timedelta(days=days), name=name)
    return token, shown


def list_tokens(user: User) -> QuerySet[Token]:
    """Return the tokens of a user by name."""
    found: QuerySet[Token] = Token.objects.filter(user=user).order_by("name")
    return found


def delete_token(user: User, name: str) -> None:
    """Delete a token: whoever holds it is a stranger from now on.

    Raises:
        NotFound: the user has none of this name.
    """
    deleted, _by_model = list_tokens(user).filter(name=name).delete()
    if not deleted:
        raise NotFound(f"you have no token {name}")
