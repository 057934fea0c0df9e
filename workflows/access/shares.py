"""Who else sees a network: it is shared with groups, and can be given to another owner."""

from django.contrib.auth.models import Group
from django.db import transaction
from django.db.models import QuerySet

from workflows.access import quotas
from workflows.access.users import get_user
from workflows.errors import Invalid, NotFound
from workflows.models import Network, NetworkShare
from workflows.services.locks import lock_network


def list_shares(network: Network) -> QuerySet[NetworkShare]:
    """Return with which groups a network is shared."""
    return network.shares.select_related("group").order_by("group__name")


def share_network(network: Network, group: str, *, may_edit: bool) -> None:
    """Let the members of a group see a network, or change it too; known shares are changed.

    Raises:
        Invalid: there is no such group.
        NotFound: the network was deleted meanwhile.
    """
    found = Group.objects.filter(name=group).first()
    if found is None:
        raise Invalid(
            f"there is no group {group}", {"group": ["no such group; an administrator puts users into groups"]}
        )
    with transaction.atomic():
        lock_network(network)
        NetworkShare.objects.update_or_create(network=network, group=found, defaults={"may_edit": may_edit})


def unshare_network(network: Network, group: str) -> None:
    """Take a network away from the members of a group.

    Raises:
        NotFound: it is not shared with this group.
    """
    deleted, _by_model = network.shares.filter(group__name=group).delete()
    if not deleted:
        raise NotFound(f"network {network.name} is not shared with group {group}")


@transaction.atomic
def give_network(network: Network, owner: str) -> Network:
    """Make somebody else the owner, within what they may own; return the network.

    Raises:
        Invalid: there is no such active user.
        NotFound: the network was deleted meanwhile.
        TooMany: the user has as many networks as they may.
        TooLarge: the user would have more bytes stored than they may.
    """
    try:
        user = get_user(owner)
    except NotFound:
        user = None
    if user is None or not user.is_active:
        raise Invalid(f"there is no active user {owner}", {"owner": ["no such active user"]})
    quotas.lock(user.pk)
    network = lock_network(network)
    if network.owner_id != user.pk:
        quotas.refuse_network(user, network)
        Network.objects.filter(pk=network.pk).update(owner=user)
        network.owner = user
    return network
