"""Create, change and delete networks."""

import re
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from workflows.access import quotas
from workflows.access.sight import visible_networks
from workflows.errors import Conflict, NotFound, NotOffered
from workflows.models import Network, Run
from workflows.models.job import JobQuerySet
from workflows.services.locks import lock_network

DRAW = "new"
EVERY = "all"
DRAWN_NAME = re.compile(r"nn(\d{8})")


def get_network(name: str) -> Network:
    """Return the network of exactly this name.

    Raises:
        NotFound: there is none.
    """
    try:
        return Network.objects.get(name=name)
    except Network.DoesNotExist:
        raise NotFound(f"network {name} does not exist") from None


def list_networks(viewer: User | None, **filters: Any) -> QuerySet[Network]:
    """Return the networks that somebody may see and that match every filter exactly."""
    return visible_networks(viewer).filter(**filters).prefetch_related("versions")


def create_network(name: str, *, owner: User | None = None, **fields: Any) -> Network:
    """Create a network; the name `new` draws nn00000001 and so on.

    Raises:
        Conflict: a network of this name exists, perhaps one that the owner-to-be cannot see.
        NotOffered: the name is reserved.
        TooMany: the owner has as many as they may.
    """
    if name == EVERY:
        raise NotOffered("'all' is a reserved name: it lists networks on GET")
    if name == DRAW:
        return _create_with_drawn_name(owner, **fields)
    try:
        return _create(name, owner, **fields)
    except IntegrityError:
        raise Conflict(f"network {name} already exists; PUT changes it") from None


@transaction.atomic
def _create(name: str, owner: User | None, **fields: Any) -> Network:
    quotas.refuse_another_network(owner)
    return Network.objects.create(name=name, owner=owner, **fields)


def _create_with_drawn_name(owner: User | None, **fields: Any) -> Network:
    while True:
        drawn = Network.objects.filter(name__regex=rf"^{DRAWN_NAME.pattern}$").order_by("-name").first()
        number = int(drawn.name.removeprefix("nn")) + 1 if drawn else 1
        try:
            return _create(f"nn{number:08d}", owner, **fields)
        except IntegrityError:
            continue  # another request drew the same number first


@transaction.atomic
def update_network(network: Network, **fields: Any) -> Network:
    """Change the given fields of a network, and only these: its counters move meanwhile.

    Raises:
        NotFound: it was deleted meanwhile.
    """
    Network.objects.filter(pk=network.pk).update(**fields, updated=timezone.now())
    return lock_network(network)


def delete_network(network: Network) -> None:
    """Delete a network with its versions, data, runs and files.

    Raises:
        NotFound: it was deleted meanwhile.
        Conflict: one of its runs is queued or running.
    """
    with transaction.atomic():
        locked = lock_network(network)
        # A run is queued under the lock of its version: none can appear between the check and the deletion.
        list(locked.versions.select_for_update())
        refuse_while_running(Run.objects.filter(version__network=locked))
        locked.delete()


def refuse_while_running(runs: JobQuerySet[Run]) -> None:
    """Raise Conflict if one of the runs is queued or running."""
    run = runs.open().select_related("version__network").first()
    if run is not None:
        raise Conflict(
            f"run {run.id} of {run.version} is {run.state}; stop it first (DELETE runmanager/state/train) or wait",
            {"id": [str(run.id)]},
        )
