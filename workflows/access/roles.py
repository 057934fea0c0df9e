"""The roles: three of Django's groups with their permissions, made after every migration."""

from enum import StrEnum
from typing import Any

from django.contrib.auth.models import AnonymousUser, Group, Permission, User
from django.db.models import Q

from workflows.access.rules import PERMISSIONS, Rule

STORED = ("network", "version", "node", "datafile", "run")


class Role(StrEnum):
    """What somebody may do: readers see and predict, editors also make and change networks, admins do everything."""

    READER = "reader"
    EDITOR = "editor"
    ADMIN = "admin"


def make_roles(**_: Any) -> None:
    """Make the groups of the roles, and give them what they lack; what else they were given stays."""
    stored = Q(content_type__app_label="workflows", content_type__model__in=STORED)
    administer = Q(codename=PERMISSIONS[Rule.ADMINISTER].partition(".")[2])
    wanted = {
        Role.READER: stored & Q(codename__startswith="view_"),
        Role.EDITOR: stored & ~administer,
        Role.ADMIN: Q(content_type__app_label__in=("workflows", "auth")),
    }
    for role, permissions in wanted.items():
        group, _made = Group.objects.get_or_create(name=role)
        group.permissions.add(*Permission.objects.filter(permissions).exclude(group=group))


def role_of(user: User) -> Role | None:
    """Return the highest role of a user; superusers are admins."""
    if user.is_superuser:
        return Role.ADMIN
    names = {group.name for group in user.groups.all()}
    return next((role for role in reversed(Role) if role in names), None)


def may_enter_admin_site(user: User | AnonymousUser) -> bool:
    """Tell whether somebody may see and change every row: the admin site knows nothing of whose network is whose."""
    return user.is_active and user.is_staff and user.has_perm(PERMISSIONS[Rule.ADMINISTER])


def give_role(user: User, role: Role) -> None:
    """Make this the one role of a user; other groups stay."""
    user.groups.remove(*Group.objects.filter(name__in=[other for other in Role if other != role]))
    user.groups.add(Group.objects.get(name=role))
