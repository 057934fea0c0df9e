"""Quotas: how much one user may have at once. Zero is no limit; in open mode all that is nobody's counts together."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Sum

from workflows.errors import TooLarge, TooMany, Unprocessable, in_words
from workflows.models import DataFile, Network, Node, Run, ScoringJob

WIDTHS = ("n_hidden", "hidden_channels", "latent_channels", "edge_pred_latent")
"""Parameters that give the width of layers."""
EPOCHS = "iter"
FORM = 100_000
"""Bytes that a form may have beside its files."""


def lock(user_id: int | None) -> None:
    """Let nobody else count what this user has, until the transaction ends."""
    if user_id is not None and any(settings.QUOTAS.values()):
        list(User.objects.select_for_update(no_key=True).filter(pk=user_id))


def refuse_another_network(owner: User | None) -> None:
    """Raise TooMany if a user owns as many networks as they may; their row stays locked meanwhile."""
    limit = settings.QUOTAS["networks"]
    if not limit:
        return
    lock(owner.pk if owner else None)
    if Network.objects.filter(owner=owner).count() >= limit:
        raise TooMany(
            f"{_who(owner)} {limit:,} networks, and no more are allowed (NNSERVICE_QUOTA_NETWORKS): DELETE one"
        )


def refuse_network(owner: User, network: Network) -> None:
    """Raise TooMany or TooLarge if a network, with its uploads, is more than a user may own; they must be locked."""
    refuse_another_network(owner)
    _refuse_bytes(owner.pk, _stored(node__version__network=network))


def refuse_request(node: Node, length: int) -> None:
    """Raise TooLarge if the uploads of a request could not be kept even if they replaced all files of the node.

    Asked before the body is read, so that what is refused was not written to the disk first.
    """
    if settings.QUOTAS["bytes"] and length > FORM:
        _refuse_bytes(node.version.network.owner_id, length - FORM - _stored(node=node))


def refuse_bytes(network: Network, more: int) -> None:
    """Raise TooLarge if the uploads in the networks of one owner would grow beyond what is allowed."""
    _refuse_bytes(network.owner_id, more)


def _refuse_bytes(owner_id: int | None, more: int) -> None:
    limit = settings.QUOTAS["bytes"]
    if not limit or more <= 0:
        return
    stored = _stored(node__version__network__owner=owner_id)
    if stored + more > limit:
        raise TooLarge(
            f"uploads of {stored:,} bytes are stored in the networks of this owner and {more:,} would be added, but"
            f" {limit:,} are allowed (NNSERVICE_QUOTA_STORED_MB): delete files first",
            {"file": [f"at most {max(0, limit - stored):,} bytes more"]},
        )


def _stored(**which: Any) -> int:
    return int(DataFile.objects.filter(**which).aggregate(sum=Sum("size"))["sum"] or 0)


def refuse_another_run(user: User | None) -> None:
    """Raise TooMany if a user has as many runs queued or running as they may; their row stays locked meanwhile."""
    limit = settings.QUOTAS["runs"]
    if not limit:
        return
    lock(user.pk if user else None)
    waiting = sum(model.objects.open().filter(requested_by=user).count() for model in (Run, ScoringJob))
    if waiting >= limit:
        raise TooMany(
            f"{_who(user)} {limit:,} runs and scoring jobs queued or running, and no more are allowed"
            " (NNSERVICE_QUOTA_OPEN_RUNS): wait until one has ended, or stop one"
        )


def refuse_rows(rows: int) -> None:
    """Raise Unprocessable if the files of a node have more rows than are allowed."""
    limit = settings.QUOTAS["rows"]
    if limit and rows > limit:
        why = f"{rows:,} rows, but {limit:,} are allowed in one node (NNSERVICE_QUOTA_ROWS)"
        raise Unprocessable(f"the data have {why}: upload fewer", {"file": [why]})


def refuse_parameters(parameters: Mapping[str, Any]) -> None:
    """Raise Unprocessable if a layer is wider, or the epochs are more, than is allowed."""
    problems: dict[str, list[str]] = {}
    width, epochs = settings.QUOTAS["n_hidden"], settings.QUOTAS["iter"]
    for name in WIDTHS if width else ():
        given = parameters.get(name)
        widest = max(given, default=0) if isinstance(given, (list, tuple)) else given or 0
        if widest > width:
            problems[name] = [f"at most {width:,} are allowed (NNSERVICE_QUOTA_N_HIDDEN), not {widest:,}"]
    if epochs and (parameters.get(EPOCHS) or 0) > epochs:
        problems[EPOCHS] = [f"at most {epochs:,} are allowed (NNSERVICE_QUOTA_ITER), not {parameters[EPOCHS]:,}"]
    if problems:
        raise Unprocessable(in_words(problems), problems)


def _who(user: User | None) -> str:
    return "there are" if user is None else f"{user} has"
