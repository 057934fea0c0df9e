"""The command as far as no worker is needed; tests/live has the rest."""

import io
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from workflows.execution.scoring import score_file
from workflows.models import Run
from workflows.services.scored_files import FileState, files_below


def call(*arguments: Any) -> tuple[str, str]:
    """Return what the command wrote to standard output and to standard error."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("score_folder", *map(str, arguments), stdout=out, stderr=err)
    except CommandError as error:
        err.write(f"{error}\n")
    return out.getvalue(), err.getvalue()


def test_without_wait_it_says_what_it_sent(run: Run, source: Path, target: Path) -> None:
    out, err = call("steel", "active", source, target)
    assert out == f"steel version 1, run 1 scores 3 files into {target}, 0 were finished\n"
    assert err == ""


def test_it_sums_up_what_the_workers_did(run: Run, source: Path, target: Path) -> None:
    (source / "b.parquet").write_text("no Parquet")
    files = list(files_below(source, target))
    call("steel", 1, source, target)
    for file in files:
        score_file(run.id, file, None)
    assert [file.state for file in files] == [FileState.FINISHED, FileState.FAILED, FileState.FINISHED]
    (source / "b.parquet").unlink()
    out, err = call("steel", 1, source, target, "--wait")
    assert f"scores 2 files into {target}, 2 were finished" in out
    assert "2 files: 2 scored with 102 rows, " in out
    assert err == ""


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
