"""`manage.py score_folder`: score a folder of Parquet files over the workers, and say how it goes."""

import time
from argparse import ArgumentParser
from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from workflows.errors import ServiceError
from workflows.models import Run
from workflows.services.runs import get_run
from workflows.services.scored_files import FileState
from workflows.services.scoring import Scoring, start_scoring
from workflows.services.versions import get_active_version, get_version

POLL_SECONDS = 0.5
SAY_SECONDS = 10.0
IDLE_SECONDS = 60.0


class Command(BaseCommand):
    """Score the Parquet files below SOURCE into TARGET by the model that serves a version.

    One message a file goes to the workers, which must reach both folders under the same path. What is finished is not
    scored again: after a stop, or to see how it goes, run the same command.
    """

    help = "Score a folder of Parquet files by the model that serves a version, one file a task of the workers."

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
        except ServiceError as error:
            raise CommandError(error.message) from None
        finished = _states(scoring)[FileState.FINISHED]
        self.stdout.write(f"{run} scores {len(scoring.files)} files into {options['target']}, {finished} were finished")
        if options["wait"]:
            self._wait(scoring)
            self._sum_up(scoring)

    def _wait(self, scoring: Scoring) -> None:
        already, began, said = _rows(scoring), time.monotonic(), time.monotonic()
        while (states := _states(scoring))[FileState.FINISHED] + states[FileState.FAILED] < len(scoring.files):
            scoring.send(FileState.LOST)  # of a worker that died
            time.sleep(POLL_SECONDS)
            now = time.monotonic()
            if now - said >= SAY_SECONDS:
                said, rows = now, _rows(scoring) - already
                known = ", ".join(f"{states[state]:,} {state}" for state in FileState if states[state])
                self.stdout.write(f"{known}; {rows:,} rows, {rows / (now - began):,.0f} rows/s")
                if states[FileState.WAITING] == len(scoring.files) and now - began > IDLE_SECONDS:
                    self.stdout.write("no file was begun yet: is a worker running, free, and able to write there?")
        rows, seconds = _rows(scoring) - already, time.monotonic() - began
        self.stdout.write(f"{rows:,} rows in {seconds:,.1f} s, {rows / seconds:,.0f} rows/s")

    def _sum_up(self, scoring: Scoring) -> None:
        reports = [(file, file.state, file.read_report()) for file in scoring.files]
        failed = [(file.name, report["error"]) for file, state, report in reports if state == FileState.FAILED]
        anomalies = sum(report.get("anomalies", 0) for _, state, report in reports if state == FileState.FINISHED)
        self.stdout.write(
            f"{len(scoring.files):,} files: {len(scoring.files) - len(failed):,} scored with {_rows(scoring):,} rows, "
            f"{anomalies:,} of them anomalies; {len(failed):,} failed"
        )
        for name, error in failed:
            self.stderr.write(f"{name}: {error}")
        if failed:
            raise CommandError(f"{len(failed):,} of {len(scoring.files):,} files were not scored")


def _run(nnid: str, version: str, run: str | None) -> Run:
    if version == "active":
        return get_run(get_active_version(nnid), run)
    if not (version.isascii() and version.isdigit()):
        raise CommandError(f"version must be a number or 'active', not '{version}'")
    return get_run(get_version(nnid, int(version)), run)


def _states(scoring: Scoring) -> Counter[FileState]:
    return Counter(file.state for file in scoring.files)


def _rows(scoring: Scoring) -> int:
    """Return how many rows are scored, those of failed files left out."""
    reports = [file.read_report() for file in scoring.files]
    return sum(report.get("rows", 0) for report in reports)
