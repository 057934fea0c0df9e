"""Create, change, activate and delete versions; choose the run that serves."""

from typing import Any

from django.db import transaction
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from workflows.errors import Conflict, NotFound
from workflows.models import Network, Node, Run, RunState, Version
from workflows.services.locks import lock_network, lock_version, reread_run
from workflows.services.networks import get_network, refuse_while_running


def get_version(name: str, number: int) -> Version:
    """Return one version of a network.

    Raises:
        NotFound: there is no such network or version.
    """
    version = Version.objects.select_related("network").filter(network__name=name, number=number).first()
    if version is None:
        get_network(name)
        raise NotFound(f"version {number} of network {name} does not exist")
    return version


def get_version_of(network: Network, number: int) -> Version:
    """Return one version of just this network, whatever has its name by now.

    Raises:
        NotFound: there is no such version.
    """
    version = network.versions.select_related("network").filter(number=number).first()
    if version is None:
        raise NotFound(f"version {number} of network {network.name} does not exist")
    return version


def get_active_version(name: str) -> Version:
    """Return the active version of a network.

    Raises:
        NotFound: there is no such network.
        Conflict: none is active.
    """
    version = Version.objects.select_related("network").filter(network__name=name, active=True).first()
    if version is None:
        get_network(name)
        raise Conflict(f"network {name} has no active version; PUT active_flag 'Y' on one")
    return version


def list_versions(network: Network) -> QuerySet[Version]:
    """Return the versions of a network by number, each with what is asked about its runs in the same query.

    Annotations: last_number, last_state (newest run), serving_number (pinned, else newest succeeded).
    """
    runs = Run.objects.filter(version=OuterRef("pk")).order_by("-number")
    return (
        network.versions.select_related("network")
        .annotate(
            last_number=Subquery(runs.values("number")[:1]),
            last_state=Subquery(runs.values("state")[:1]),
            serving_number=Coalesce("pinned_run__number", Subquery(runs.succeeded().values("number")[:1])),
        )
        .order_by("number")
    )


@transaction.atomic
def create_version(
    network: Network, *, active: bool = False, copy_from: Version | None = None, **fields: Any
) -> Version:
    """Create the next version; `copy_from` gives it another version's workflow and parameters, not its data."""
    Network.objects.filter(pk=network.pk).update(versions_made=F("versions_made") + 1)
    network = lock_network(network)
    if copy_from is not None:
        fields["workflow_type"] = copy_from.workflow_type
    version = Version.objects.create(network=network, number=network.versions_made, **fields)
    if copy_from is not None:
        Node.objects.bulk_create(
            Node(
                version=version,
                name=node.name,
                position=node.position,
                parameters=node.parameters,
                configured=node.configured,
            )
            for node in copy_from.nodes.all()
        )
    if active:
        _activate(version)
    return version


@transaction.atomic
def update_version(version: Version, *, active: bool | None = None, **fields: Any) -> Version:
    """Change a version; activating it deactivates the network's others. Return it as `list_versions` does."""
    if active:
        _activate(version)
    elif active is not None:
        fields["active"] = False
    if fields:
        # Only what is named: counters and the pinned run change meanwhile.
        Version.objects.filter(pk=version.pk).update(**fields)
    # Read before anybody can delete it.
    return list_versions(lock_version(version).network).get(pk=version.pk)


def _activate(version: Version) -> None:
    # The lock on the network serialises two activations; without it both could pass the first UPDATE.
    network = lock_network(version.network)
    network.versions.exclude(pk=version.pk).filter(active=True).update(active=False)
    Version.objects.filter(pk=version.pk).update(active=True)


@transaction.atomic
def delete_version(version: Version) -> None:
    """Delete a version with its data, runs and files.

    Raises:
        Conflict: a run is queued or running.
    """
    locked = lock_version(version)
    refuse_while_running(locked.runs.all())
    locked.delete()


@transaction.atomic
def pin_run(version: Version, run: Run, *, pinned: bool) -> None:
    """Let one run serve whatever is trained later, or let the newest serve again.

    Raises:
        Conflict: the run has no model to serve.
    """
    locked, run = lock_version(version), reread_run(run)
    if pinned and run.state != RunState.SUCCEEDED:
        raise Conflict(f"run {run.number} of {version} is {run.state}; only a succeeded run can serve")
    if pinned:
        Version.objects.filter(pk=locked.pk).update(pinned_run=run)
    else:
        Version.objects.filter(pk=locked.pk, pinned_run=run).update(pinned_run=None)
