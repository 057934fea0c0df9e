"""Files of deleted rows: removed when, and only if, the deletion is committed, however it came about."""

import logging
import shutil
from functools import partial
from pathlib import Path
from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete

from workflows.models import DataFile, Run

logger = logging.getLogger(__name__)


def remove_folder(folder: Path) -> None:
    """Remove a folder with all it holds; one that cannot be removed is logged and left."""
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        pass
    except OSError as error:
        logger.warning("could not remove %s: %s", folder, error)


def remove_after_commit(sender: type[DataFile | Run], instance: DataFile | Run, **_: Any) -> None:
    """Remove the folder of a deleted row once its deletion is committed."""
    transaction.on_commit(partial(remove_folder, instance.folder))


def connect() -> None:
    """Watch deletions, cascades and the admin site's included."""
    post_delete.connect(remove_after_commit, sender=DataFile, dispatch_uid="remove-uploads")
    post_delete.connect(remove_after_commit, sender=Run, dispatch_uid="remove-run-files")
