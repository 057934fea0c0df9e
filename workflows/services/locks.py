"""Row locks: what is changed together is locked together, always network before version.

SQLite serialises every write transaction from its start (transaction_mode IMMEDIATE), so there the lock is the
transaction itself; PostgreSQL locks the row. A row that was deleted meanwhile is NotFound, not a failure.
"""

from workflows.errors import NotFound
from workflows.models import Network, Node, Run, Version


def lock_network(network: Network) -> Network:
    """Return the network as it is now, locked until the transaction ends.

    Raises:
        NotFound: it was deleted meanwhile.
    """
    locked = Network.objects.select_for_update().filter(pk=network.pk).first()
    if locked is None:
        raise NotFound(f"network {network.name} was deleted meanwhile")
    return locked


def lock_version(version: Version) -> Version:
    """Return the version as it is now, locked until the transaction ends.

    Raises:
        NotFound: it was deleted meanwhile.
    """
    found = Version.objects.select_for_update(of=("self",)).select_related("network").filter(pk=version.pk).first()
    if found is None:
        raise NotFound(f"version {version.number} was deleted meanwhile")
    return found


def lock_node(node: Node) -> Node:
    """Return the node as it is now; the lock is that of its version.

    Raises:
        NotFound: it was deleted meanwhile.
    """
    lock_version(node.version)
    found = Node.objects.select_related("version__network").filter(pk=node.pk).first()
    if found is None:
        raise NotFound(f"node {node.name} was deleted meanwhile")
    return found


def reread_run(run: Run) -> Run:
    """Return the run as it is now; its version must be locked.

    Raises:
        NotFound: it was deleted meanwhile.
    """
    found = Run.objects.select_related("version__network").defer("result").filter(pk=run.pk).first()
    if found is None:
        raise NotFound(f"run {run.number} was deleted meanwhile")
    return found
