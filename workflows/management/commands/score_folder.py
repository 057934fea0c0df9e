"""`manage.py score_folder`: score a folder of Parquet files over the workers, and say how it goes."""

import time
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from workflows.errors import ServiceError
from workflows.models import Run
from workflows.services.runs import get_run
from workflows.services.scored_files import FileState, Report, ScoredFile
from workflows.services.scoring import Scoring, start_scoring
from workflows.services.versions import get_active_version, get_version

POLL_SECONDS = 0.5
SAY_SECONDS = 10.0
IDLE_SECONDS = 60.0
DONE = (FileState.FINISHED, FileState.FAILED)

Reports = Mapping[ScoredFile, Report]


class Command(BaseCommand):
    """Score the Parquet files below SOURCE into TARGET by the model that serves a version.

    One message a file goes to the workers, which must reach both folders under the same path. What is finished, waits
    or runs is not sent again: after a stop, or to see how it goes, run the same command.
    """

    help = (
        "Score a folder of Parquet files by the model that serves a version, one file a task of the workers. Files that"
        " end in .parquet are read, those in deeper folders too; names that begin with a dot or an underscore, and"
        " links to folders, are passed over."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("nnid", help="network")
        parser.add_argument("version", help="a number, or 'active'")
        parser.add_argument("source", type=Path, help="folder of Parquet files, on a disk that every worker reaches")
        parser.add_argument("target", type=Path, help="folder for the scored files, on such a disk too")
        parser.add_argument("--run", help="number of the run that scores (default: the one that serves)")
        parser.add_argument("--keep", nargs="+", metavar="COLUMN", help="columns kept beside the scores (default: all)")
        parser.add_argument("--wait", action="store_true", help="wait until all files are scored; show the progress")

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            run = _run(options["nnid"], options["version"], options["run"])
            scoring = start_scoring(run, options["source"], options["target"], options["keep"])
            self._say_what_is_known(run, scoring)
            if options["wait"]:
                self._wait(scoring)
                self._sum_up(scoring.look())
        except ServiceError as error:
            raise CommandError(error.message) from None

    def _say_what_is_known(self, run: Run, scoring: Scoring) -> None:
        self.stdout.write(
            f"{run} scores {len(scoring.files):,} files into {scoring.target}: {_in_words(scoring.look())}"
        )
        if scoring.others:
            self.stdout.write(f"{scoring.others:,} other files and links do not end in .parquet and are passed over")

    def _wait(self, scoring: Scoring) -> None:
        reports = scoring.look()
        already, began = _rows(reports), time.monotonic()
        said = changed = hinted = began
        while still := [file for file, report in reports.items() if report.state not in DONE]:
            time.sleep(POLL_SECONDS)
            seen, now = scoring.look(still), time.monotonic()
            scoring.send(seen)  # what a worker that died, or a broker, has lost
            if any(
                (report.state, report.rows) != (reports[file].state, reports[file].rows)
                for file, report in seen.items()
            ):
                changed = now
            reports |= seen
            if now - said >= SAY_SECONDS:
                said, rows = now, _rows(reports) - already
                self.stdout.write(f"{_in_words(reports)}; {rows:,} rows, {rows / (now - began):,.0f} rows/s")
            if now - max(changed, hinted) >= IDLE_SECONDS:
                hinted = now
                self.stdout.write("nothing happens: is a worker running, free, and able to write there? See its log")
            if now - changed > settings.TRAINING_TIME_LIMIT:  # a worker may be busy with a training for so long
                raise CommandError(f"nothing was heard of {len(still):,} files for {now - changed:,.0f} s; given up")
        rows, seconds = _rows(reports) - already, time.monotonic() - began
        self.stdout.write(f"{rows:,} rows in {seconds:,.1f} s, {rows / seconds:,.0f} rows/s")

    def _sum_up(self, reports: Reports) -> None:
        scored = [report for report in reports.values() if report.state == FileState.FINISHED]
        changed: Counter[str] = Counter()
        for report in scored:
            changed.update(report.changed)
        self.stdout.write(
            f"{len(reports):,} files: {len(scored):,} scored with {_rows(reports):,} rows, "
            f"{sum(report.anomalies for report in scored):,} of them anomalies"
        )
        for name, rows in changed.items():
            self.stdout.write(
                f"{name} had one value in training and has another in {rows:,} rows; the scores know nothing of it"
            )
        for file, report in reports.items():
            if report.state != FileState.FINISHED:
                self.stderr.write(f"{file.name}: {report.error or f'is {report.state} again'}")
        if len(scored) < len(reports):
            raise CommandError(f"{len(reports) - len(scored):,} of {len(reports):,} files were not scored")


def _run(nnid: str, version: str, run: str | None) -> Run:
    if version == "active":
        return get_run(get_active_version(nnid), run)
    if not (version.isascii() and version.isdigit()):
        raise CommandError(f"version must be a number or 'active', not '{version}'")
    return get_run(get_version(nnid, int(version)), run)


def _in_words(reports: Reports) -> str:
    states = Counter(report.state for report in reports.values())
    return ", ".join(f"{states[state]:,} {state}" for state in FileState if states[state])


def _rows(reports: Reports) -> int:
    """Return how many rows are scored, those of failed files left out."""
    return sum(report.rows for report in reports.values())
