"""Scores for a folder of Parquet files: one message a file, over the workers that train.

Nothing of it is in the database: the messages name a run and the folders, which every worker must reach under the same
path, and the target folder shows what is done (`scored_files`). So a message that is lost or doubled does no harm, and
whoever starts the same scoring again goes on where it was.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from workflows.errors import Conflict, Invalid, Unprocessable
from workflows.models import Run
from workflows.services.broker import require_broker
from workflows.services.prediction import type_of
from workflows.services.results import require_succeeded
from workflows.services.scored_files import REPORTS, FileState, ScoredFile, files_below


@dataclass(frozen=True)
class Scoring:
    """The files of a folder, and the run that scores them; `keep` are the columns kept beside the scores, or all."""

    run_id: UUID
    files: Sequence[ScoredFile]
    keep: tuple[str, ...] | None

    def send(self, *states: FileState) -> list[ScoredFile]:
        """Send a message for each file in one of the states; return them."""
        from workflows.tasks import score_file

        sent = [file for file in self.files if file.state in states]
        for file in sent:
            file.remove_report()
            keep = None if self.keep is None else list(self.keep)
            score_file.delay(str(self.run_id), str(file.source_folder), str(file.target_folder), file.name, keep)
        return sent


def start_scoring(run: Run, source: Path, target: Path, keep: Sequence[str] | None = None) -> Scoring:
    """Send a message for each file below `source` that is not finished and that nobody scores at the moment.

    Raises:
        Conflict: the run has no model, or `target` holds the scores of another run or other columns.
        Invalid: the model scores graphs, or the folders are not what they must be.
        Unprocessable: `source` has no Parquet file.
        Unavailable: the broker is down; nothing was sent.
    """
    require_succeeded(run)
    if "anomaly" not in type_of(run).predictions:
        raise Invalid(f"{run.version} is a workflow of {type_of(run).detector}, which does not score row by row")
    source, target = source.resolve(), target.resolve()
    if not source.is_dir():
        raise Invalid(f"{source} is no folder", {"source": ["give the folder of the Parquet files"]})
    if target.is_relative_to(source) or source.is_relative_to(target):
        raise Invalid(f"{target} and {source} must not lie in each other", {"target": ["give another folder"]})
    files = list(files_below(source, target))
    if not files:
        raise Unprocessable(f"{source} has no file that ends in .parquet", {"source": ["has no Parquet file"]})
    require_broker()
    scoring = Scoring(run.id, files, None if keep is None else tuple(keep))
    _claim_target(target, scoring)
    scoring.send(FileState.WAITING, FileState.LOST, FileState.FAILED)
    return scoring


def _claim_target(target: Path, scoring: Scoring) -> None:
    """Note in the folder whose scores it holds, or check that it holds those of the same run."""
    note = target / REPORTS / "scoring.json"
    wanted = {"run": str(scoring.run_id), "keep": scoring.keep if scoring.keep is None else list(scoring.keep)}
    try:
        note.parent.mkdir(parents=True, exist_ok=True)
        with note.open("x") as file:
            json.dump(wanted, file)
    except FileExistsError:
        found = json.loads(note.read_text())
        if found != wanted:
            raise Conflict(
                f"{target} holds the scores of run {found['run']} with the columns {found['keep'] or 'of the files'};"
                " score into another folder",
                {"target": ["give another folder"]},
            ) from None
    except OSError as error:
        raise Invalid(f"cannot write into {target}: {error.strerror}", {"target": [str(error.strerror)]}) from error
