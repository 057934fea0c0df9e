"""Which networks somebody may see: the one query that everything that lists or names a network goes through."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, Q, QuerySet

from workflows.access.principal import is_open
from workflows.access.rules import PERMISSIONS, Rule
from workflows.models import Network, NetworkShare


@dataclass(frozen=True)
class Sight:
    """A network as somebody sees it: whether it is theirs, and whether they may change it."""

    owned: bool
    editable: bool

    def allows(self, rule: Rule) -> bool:
        """Tell whether the tie to the network is close enough."""
        return self.owned if rule == Rule.OWN else self.editable if rule == Rule.CHANGE else True


def visible_networks(user: User | None) -> QuerySet[Network]:
    """Return the networks that a user may see: own ones, those shared with a group of theirs, all for administrators.

    In open mode everybody sees all; nobody else than a user with the permission to read sees any.
    """
    if is_open():
        return Network.objects.all()
    if user is None or not user.has_perm(PERMISSIONS[Rule.READ]):
        return Network.objects.none()
    if user.has_perm(PERMISSIONS[Rule.ADMINISTER]):
        return Network.objects.all()
    return Network.objects.filter(Q(owner=user) | Exists(_shares_with(user)))


def look_at(user: User, name: str) -> Sight | None:
    """Return how a user sees the network of this name; None if there is none, or none for these eyes."""
    return _look(user, name=name)


def look_at_run(user: User, run_id: UUID) -> Sight | None:
    """Return how a user sees the network that a run, or a scoring job, belongs to; None if they see none."""
    return _look(user, versions__runs__id=run_id) or _look(user, versions__scoring_jobs__id=run_id)


def _look(user: User, **which: Any) -> Sight | None:
    may_edit = Exists(_shares_with(user).filter(may_edit=True))
    found = visible_networks(user).filter(**which).annotate(may_edit=may_edit).values("owner_id", "may_edit").first()
    if found is None:
        return None
    owned = found["owner_id"] == user.pk or user.has_perm(PERMISSIONS[Rule.ADMINISTER])
    return Sight(owned=owned, editable=owned or found["may_edit"])


def _shares_with(user: User) -> QuerySet[NetworkShare]:
    return NetworkShare.objects.filter(network=OuterRef("pk"), group__user=user)
