"""Scores for a folder of Parquet files: one message a file, over the workers that train.

Nothing of it is in the database. A note in the target folder says which run scores which folder, a report of each file
says how far it is (`scored_files`), and messages only wake: each names the target folder and a file in it, which every
worker must reach under the same path. So a message that is lost or doubled does no harm, and whoever starts the same
scoring again goes on where it was.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from kombu.exceptions import OperationalError as BrokerDown

from workflows.errors import Invalid, Unavailable, Unprocessable
from workflows.models import Run
from workflows.services.broker import require_broker, waiting_messages
from workflows.services.prediction import type_of
from workflows.services.results import require_succeeded
from workflows.services.scored_files import REPORTS, FileState, Report, ScoredFile, disk_time, files_below
from workflows.services.scoring_note import ScoringNote


@dataclass(frozen=True)
class Scoring:
    """The Parquet files below a folder that are scored into `target`, and how many other files lie there."""

    target: Path
    files: Sequence[ScoredFile]
    others: int

    def look(self, files: Sequence[ScoredFile] | None = None) -> dict[ScoredFile, Report]:
        """Return what is known now of these files, by default of all."""
        return {file: file.read_report() for file in (self.files if files is None else files)}

    def send(self, reports: Mapping[ScoredFile, Report], *, failed: bool = False) -> None:
        """Queue those files that are absent or lost and, if asked, those that failed.

        A running file is lost when its worker was silent for a minute; a queued one, when it has been so for a minute
        and no message waits in the broker.

        Raises:
            Unavailable: the broker went away.
        """
        lost = self._lost(reports)
        unheard = {FileState.ABSENT, FileState.FAILED} if failed else {FileState.ABSENT}
        missed = [file for file, report in reports.items() if report.state in unheard or file in lost]
        for number, file in enumerate(missed):
            _send(file, f"{number:,} of {len(missed):,} files were queued")

    def _lost(self, reports: Mapping[ScoredFile, Report]) -> set[ScoredFile]:
        before = disk_time(self.target / REPORTS) - settings.HEARTBEAT_LOST_SECONDS
        silent = {file: report.state for file, report in reports.items() if report.written < before}
        lost = {file for file, state in silent.items() if state == FileState.RUNNING}
        queued = {file for file, state in silent.items() if state == FileState.QUEUED}
        return lost | queued if queued and not waiting_messages(settings.SCORING_QUEUE) else lost


def start_scoring(run: Run, source: Path, target: Path, keep: Sequence[str] | None = None) -> Scoring:
    """Queue each Parquet file below `source` that is not finished, and that does not wait or run already.

    Raises:
        Conflict: the run has no model, or `target` holds the scores of another run, other files or other columns.
        Invalid: the model scores graphs, or the folders are not what they must be.
        Unprocessable: `source` has no Parquet file.
        Unavailable: the broker is down; the message says what was queued.
    """
    require_succeeded(run)
    if "anomaly" not in type_of(run).predictions:
        raise Invalid(f"{run.version} is a workflow of {type_of(run).detector}, which does not score row by row")
    source, target = source.resolve(), target.resolve()
    if not source.is_dir():
        raise Invalid(f"{source} is no folder", {"source": ["give the folder of the Parquet files"]})
    if target.is_relative_to(source) or source.is_relative_to(target):
        raise Invalid(f"{target} and {source} must not lie in each other", {"target": ["give another folder"]})
    files, others = files_below(source, target)
    if not files:
        raise Unprocessable(f"{source} has no file that ends in .parquet", {"source": ["has no Parquet file"]})
    require_broker()
    scoring = Scoring(target, files, others)
    try:
        ScoringNote(run.id, source, None if keep is None else tuple(keep)).claim(target)
        scoring.send(scoring.look(), failed=True)
    except OSError as error:
        raise Invalid(f"cannot write into {target}: {error.strerror}", {"target": [str(error.strerror)]}) from error
    return scoring


def _send(file: ScoredFile, so_far: str) -> None:
    """Report a file as queued, then wake a worker: one that wakes first would find nothing to do."""
    from workflows.tasks import score_file

    file.write_report(FileState.QUEUED)
    try:
        score_file.delay(str(file.target_folder), file.name)
    except BrokerDown as error:
        file.remove_report()
        raise Unavailable(f"the message broker went away, {so_far}; start it again: {error}") from error
