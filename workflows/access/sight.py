"""Which networks somebody may see: the one query that everything that lists or names a network goes through."""

from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, Q, QuerySet

from workflows.access.principal import is_open
from workflows.access.rules import PERMISSIONS, Rule
from workflows.models import Network, NetworkShare
from workflows.prepared import Prepared


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
    return _networks_of(user.pk, sees_all=_sees_all(user))


def look_at(user: User, name: str) -> Sight | None:
    """Return how a user sees the network of this name; None if there is none, or none for these eyes."""
    if not user.has_perm(PERMISSIONS[Rule.READ]):
        return None
    return _sight(user, _BY_NAME[_sees_all(user)].first(user_id=user.pk, name=name))


def look_at_run(user: User, run_id: UUID) -> Sight | None:
    """Return how a user sees the network that a run, or a scoring job, belongs to; None if they see none."""
    if not user.has_perm(PERMISSIONS[Rule.READ]):
        return None
    looks = _looks(user.pk, sees_all=_sees_all(user))
    of_job = looks.filter(versions__runs__id=run_id).first() or looks.filter(versions__scoring_jobs__id=run_id).first()
    return _sight(user, of_job)


def _sight(user: User, found: tuple[Any, ...] | None) -> Sight | None:
    if found is None:
        return None
    owner, may_edit = found
    owned = owner == user.pk or _sees_all(user)
    return Sight(owned=owned, editable=owned or bool(may_edit))


def _sees_all(user: User) -> bool:
    return user.has_perm(PERMISSIONS[Rule.ADMINISTER])


def _networks_of(user_id: int, *, sees_all: bool) -> QuerySet[Network]:
    return Network.objects.filter(Q() if sees_all else Q(owner=user_id) | Exists(_shares_with(user_id)))


def _looks(user_id: int, *, sees_all: bool) -> QuerySet[Network, tuple[Any, ...]]:
    may_edit = Exists(_shares_with(user_id).filter(may_edit=True))
    return _networks_of(user_id, sees_all=sees_all).annotate(may_edit=may_edit).values_list("owner_id", "may_edit")


def _by_name(sees_all: bool, user_id: int, name: str) -> QuerySet[Network, tuple[Any, ...]]:
    return _looks(user_id, sees_all=sees_all).filter(name=name)


_BY_NAME = {sees_all: Prepared(partial(_by_name, sees_all)) for sees_all in (False, True)}


def _shares_with(user_id: int) -> QuerySet[NetworkShare]:
    return NetworkShare.objects.filter(network=OuterRef("pk"), group__user=user_id)
