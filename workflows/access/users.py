"""Users: made by administrators, deactivated rather than deleted, so that the audit log keeps its people."""

import re
from collections.abc import Sequence

from django.contrib.auth.models import Group, User
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from workflows.access.known_tokens import known_tokens
from workflows.access.roles import Role, give_role, role_of
from workflows.access.rules import PERMISSIONS, Rule
from workflows.access.tokens import create_token
from workflows.errors import Conflict, Invalid, NotFound

USERNAME_PATTERN = r"[A-Za-z0-9_.@+-]{1,150}"
FIRST_TOKEN = "first"  # noqa: S105 - a name


def list_users() -> QuerySet[User]:
    """Return all users by name, with their groups."""
    return User.objects.order_by("username").prefetch_related("groups")


def get_user(name: str) -> User:
    """Return a user by name.

    Raises:
        NotFound: there is none.
    """
    user = list_users().filter(username=name).first()
    if user is None:
        raise NotFound(f"user {name} does not exist")
    return user


def teams_of(user: User) -> list[str]:
    """Return the groups of a user that are not roles, by name."""
    return sorted(group.name for group in user.groups.all() if group.name not in list(Role))


@transaction.atomic
def create_user(name: str, role: Role, teams: Sequence[str] = (), days: int | None = None) -> tuple[User, str]:
    """Make a user with a first token; return both. The user makes tokens of their own with it.

    Raises:
        Conflict: there is a user of this name.
        Invalid: a group's name is that of a role, or the token would be valid for too long.
    """
    try:
        with transaction.atomic():
            user = User.objects.create_user(name)
    except IntegrityError:
        raise Conflict(f"user {name} exists already; PUT changes it", {"user": ["taken"]}) from None
    give_role(user, role)
    _set_teams(user, teams)
    _token, shown = create_token(user, FIRST_TOKEN, days)
    return get_user(name), shown


@transaction.atomic
def change_user(
    user: User, *, role: Role | None = None, teams: Sequence[str] | None = None, active: bool | None = None
) -> User:
    """Change what is given. One who is deactivated loses all tokens at once.

    Raises:
        Conflict: nobody would be left who administers the service.
        Invalid: a group's name is that of a role.
    """
    _refuse_to_lose_the_last_admin(user, role, active)
    if role is not None:
        give_role(user, role)
        User.objects.filter(pk=user.pk).update(is_superuser=False)
        if role != Role.ADMIN:
            User.objects.filter(pk=user.pk).update(is_staff=False)
    if teams is not None:
        _set_teams(user, teams)
    if active is not None:
        User.objects.filter(pk=user.pk).update(is_active=active)
        if not active:
            user.auth_token_set.all().delete()
    known_tokens.forget()  # what is updated by a query sends no signal
    return get_user(user.get_username())


def make_admin(name: str) -> User:
    """Return the user of this name, made if there is none, active and an administrator who may enter the admin site.

    Raises:
        Invalid: the name cannot stand in a path.
    """
    if not re.fullmatch(USERNAME_PATTERN, name):
        raise Invalid(f"'{name}' is no user name: use up to 150 letters, digits and _ . @ + -")
    user, _made = User.objects.get_or_create(username=name)
    user.is_active = user.is_staff = True
    if not user.password:
        user.set_unusable_password()
    user.save()
    give_role(user, Role.ADMIN)
    return user


def _set_teams(user: User, names: Sequence[str]) -> None:
    roles = [name for name in names if name in list(Role)]
    if roles:
        raise Invalid(f"{roles[0]} is a role, not a group", {"groups": [f"{roles[0]}: set it as `role`"]})
    user.groups.remove(*user.groups.exclude(name__in=[*Role, *names]))
    user.groups.add(*(Group.objects.get_or_create(name=name)[0] for name in names))


def _refuse_to_lose_the_last_admin(user: User, role: Role | None, active: bool | None) -> None:
    loses = role not in (None, Role.ADMIN) or active is False
    if not (loses and role_of(user) == Role.ADMIN and user.is_active):
        return
    # The lock serialises two administrators who would remove each other.
    list(Group.objects.select_for_update().filter(name=Role.ADMIN))
    app, _, codename = PERMISSIONS[Rule.ADMINISTER].partition(".")
    administers = Q(is_superuser=True) | Q(
        groups__permissions__codename=codename, groups__permissions__content_type__app_label=app
    )
    if not User.objects.filter(administers, is_active=True).exclude(pk=user.pk).exists():
        raise Conflict(f"{user} is the last administrator; make another one first")
