"""Files of deleted rows: removed when, and only if, the deletion is committed, however it came about."""

from functools import partial
from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete

from workflows import files
from workflows.models import DataFile, Run


def remove_after_commit(sender: type[DataFile | Run], instance: DataFile | Run, **_: Any) -> None:
    """Remove the files of a deleted row once its deletion is committed."""
    transaction.on_commit(partial(files.remove, instance.prefix))


def connect() -> None:
    """Watch deletions, cascades and the admin site's included."""
    post_delete.connect(remove_after_commit, sender=DataFile, dispatch_uid="remove-uploads")
    post_delete.connect(remove_after_commit, sender=Run, dispatch_uid="remove-run-files")
