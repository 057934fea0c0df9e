"""The note in a folder of scored files that says whose scores they are."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from uuid import UUID, uuid4

from workflows.errors import Conflict
from workflows.services.scored_files import REPORTS


@dataclass(frozen=True)
class ScoringNote:
    """Whose scores a folder holds: a run's, of the files below `source`; `keep` are the columns kept, or all."""

    run: UUID
    source: Path
    keep: tuple[str, ...] | None

    def claim(self, target: Path) -> None:
        """Note this in the folder, whole or not at all; raise Conflict if it holds other scores."""
        note, partial = _note_in(target), target / REPORTS / f".{uuid4().hex}.part"
        note.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(self._to_json()))
        try:
            os.link(partial, note)  # unlike a rename, it does not replace the note of another starter
        except FileExistsError:
            found = self.read(target)
            if found != self:
                kept = "those of the files" if found.keep is None else ", ".join(found.keep)
                raise Conflict(
                    f"{target} holds the scores of run {found.run} for {found.source} with the columns {kept};"
                    " score into another folder",
                    {"target": ["give another folder"]},
                ) from None
        finally:
            partial.unlink()

    @classmethod
    def read(cls, target: Path) -> Self:
        """Return the note of a folder.

        Raises:
            Conflict: it cannot be read.
            FileNotFoundError: there is none.
        """
        try:
            stored = json.loads(_note_in(target).read_text())
            keep = None if stored["keep"] is None else tuple(stored["keep"])
            return cls(UUID(stored["run"]), Path(stored["source"]), keep)
        except (ValueError, KeyError, TypeError):
            raise Conflict(
                f"{_note_in(target)} cannot be read; remove {target}, or score into another folder",
                {"target": ["give another folder"]},
            ) from None

    def _to_json(self) -> Mapping[str, Any]:
        keep = None if self.keep is None else list(self.keep)
        return {"run": str(self.run), "source": str(self.source), "keep": keep}


def _note_in(target: Path) -> Path:
    return target / REPORTS / "scoring.json"
