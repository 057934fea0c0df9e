"""Files of deleted rows: removed when, and only if, the deletion is committed, however it came about."""

from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete

from workflows import files
from workflows.models import DataFile, Run, ScoringJob


def remove_after_commit(
    sender: type[DataFile | Run | ScoringJob], instance: DataFile | Run | ScoringJob, **_: Any
) -> None:
    """Remove the files of a deleted row once its deletion is committed; what was committed then does not fail by it."""
    prefix = instance.prefix
    transaction.on_commit(lambda: files.remove(prefix), robust=True)  # no `partial`: Django wants a name for the log


def connect() -> None:
    """Watch deletions, cascades and the admin site's included."""
    post_delete.connect(remove_after_commit, sender=DataFile, dispatch_uid="remove-uploads")
    post_delete.connect(remove_after_commit, sender=Run, dispatch_uid="remove-run-files")
    post_delete.connect(remove_after_commit, sender=ScoringJob, dispatch_uid="remove-scored-files")
