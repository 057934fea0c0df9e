"""How the training data fell, by run: read from the artifact once and kept."""

import logging
import threading
from collections import OrderedDict
from uuid import UUID

from algorithms.artifacts import REFERENCE_FILES
from algorithms.drift.reference import Reference
from algorithms.errors import ArtifactError, ArtifactIncompatible
from workflows import files
from workflows.errors import Conflict, Damaged, ServiceError
from workflows.models import Run

logger = logging.getLogger(__name__)

KEPT = 16


class ReferenceCache:
    """References by run, the least recently used forgotten first; artifacts never change."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._lock = threading.Lock()
        self._known: OrderedDict[UUID, Reference | ServiceError] = OrderedDict()

    def get(self, run: Run) -> Reference:
        """Return the reference of a succeeded run.

        Raises:
            Conflict: the model is of an earlier release, which kept none.
            Damaged: its file is not the one that was written.
            Unavailable: the storage cannot be reached.
        """
        with self._lock:
            found = self._known.get(run.id)
            if found is not None:
                self._known.move_to_end(run.id)
        if found is None:
            found = self._read(run)
            with self._lock:
                self._known[run.id] = found
                while len(self._known) > self._kept:
                    self._known.popitem(last=False)
        if isinstance(found, ServiceError):
            raise found
        return found

    def _read(self, run: Run) -> Reference | ServiceError:
        try:
            with files.local_copy(run.artifact_prefix, *REFERENCE_FILES) as artifact:
                return Reference.read(artifact)
        except ArtifactIncompatible:
            return Conflict(
                f"run {run.number} of {run.version} was trained by an earlier release, which did not keep how its"
                " training data fell: train again to have drift watched"
            )
        except (ArtifactError, Damaged) as error:
            logger.exception("the reference of run %s cannot be read", run.id)
            files.forget_copy(run.artifact_prefix)
            what = f"what drift of run {run.number} is told by cannot be read"
            raise Damaged(f"{what}: {error}; train it again") from error


references = ReferenceCache()


def known_reference(run: Run) -> Reference | None:
    """Return the reference of a run; None if there is none that can be used. Raises Unavailable as `get` does."""
    try:
        return references.get(run)
    except (Conflict, Damaged):
        return None
