"""The command as far as no worker is needed; tests/live has the rest."""

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from workflows.execution.scoring import score_file
from workflows.management.commands import score_folder
from workflows.management.commands.score_folder import Command
from workflows.models import Run
from workflows.services.scored_files import FileState, Report, ScoredFile, files_below


def call(*arguments: Any) -> tuple[str, str]:
    """Return what the command wrote to standard output and to standard error."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("score_folder", *map(str, arguments), stdout=out, stderr=err)
    except CommandError as error:
        err.write(f"{error}\n")
    return out.getvalue(), err.getvalue()


def test_without_wait_it_says_what_it_sent_and_what_it_passed_over(run: Run, source: Path, target: Path) -> None:
    (source / "d.PARQUET").touch()
    out, err = call("steel", "active", source, target)
    assert out == (
        f"steel version 1, run 1 scores 3 files into {target}: 3 queued\n"
        "1 other files and links do not end in .parquet and are passed over\n"
    )
    assert err == ""


def score_all(source: Path, target: Path) -> None:
    """Do what the workers would."""
    for file in files_below(source, target)[0]:
        score_file(target, file.name)


def test_it_sums_up_what_the_workers_did(run: Run, source: Path, target: Path) -> None:
    call("steel", 1, source, target)
    score_all(source, target)
    out, err = call("steel", 1, source, target, "--wait")
    assert f"scores 3 files into {target}: 3 finished" in out
    assert "3 files: 3 scored with 153 rows, " in out
    assert err == ""


def test_files_that_failed_or_whose_rows_changed_do_not_count_as_scored(run: Run, source: Path, target: Path) -> None:
    (source / "b.parquet").write_text("no Parquet")
    call("steel", 1, source, target)
    score_all(source, target)
    (source / "a.parquet").touch()
    out, err = io.StringIO(), io.StringIO()
    reports = {file: file.read_report() for file in files_below(source, target)[0]}
    with pytest.raises(CommandError, match="2 of 3 files were not scored"):
        Command(out, err)._sum_up(reports)
    assert "3 files: 1 scored with 52 rows, " in out.getvalue()
    assert "a.parquet: is absent again\nb.parquet: b.parquet cannot be read as a Parquet file: " in err.getvalue()


def test_a_column_that_no_longer_has_its_only_value_is_told_of(run: Run, source: Path, target: Path) -> None:
    out = io.StringIO()
    counts = (Report(FileState.FINISHED, rows=5, changed={"site": rows}) for rows in (2, 3))
    files = (ScoredFile(source, target, name) for name in ("a.parquet", "b.parquet"))
    Command(out)._sum_up(dict(zip(files, counts, strict=True)))
    assert "site had one value in training and has another in 5 rows; the scores know nothing of it\n" in out.getvalue()


def test_when_nothing_happens_it_says_what_to_look_at_and_in_the_end_gives_up(
    run: Run, source: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(score_folder, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(score_folder, "IDLE_SECONDS", 0.1)
    with override_settings(TRAINING_TIME_LIMIT=0.3):
        out, err = call("steel", 1, source, target, "--wait")
    assert "nothing happens: is a worker running, free, and able to write there? See its log\n" in out
    assert "nothing was heard of 3 files for " in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("steal", "active"), "network steal does not exist"),
        (("steel", "2"), "version 2 of network steel does not exist"),
        (("steel", "newest"), "version must be a number or 'active', not 'newest'"),
        (("steel", "1", "--run", "7"), "steel version 1 has no run '7'"),
    ],
)
def test_what_does_not_exist_is_named(
    run: Run,
    source: Path,
    target: Path,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    _, err = call(*arguments, source, target)
    assert message in err
