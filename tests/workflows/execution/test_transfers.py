"""A storage that is away delays a run and costs none."""

from pathlib import Path

import pytest
from django.test import override_settings

from tests.object_store import CREDENTIALS
from tests.workflows.files.conftest import storages
from workflows.errors import Damaged, Unavailable
from workflows.execution import transfers
from workflows.execution.transfers import RunLog, patiently

AWAY = "s3://bucket?endpoint_url=http://127.0.0.1:9&region=us-east-1"
KEY = "runs/0d2b7f9c-9a11-4b3a-9a43-4b36dbfa3a4e/run.log"


class Asked:
    """A storage that is away for so many calls."""

    def __init__(self, away: int) -> None:
        self.away = away
        self.checks = 0

    def call(self) -> str:
        self.away -= 1
        if self.away >= 0:
            raise Unavailable("away")
        return "there"

    def check(self) -> None:
        self.checks += 1


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfers, "WAIT_SECONDS", 0.01)


def test_it_is_asked_again_and_the_run_is_looked_after_meanwhile() -> None:
    asked = Asked(away=3)
    assert patiently(asked.call, asked.check) == "there"
    assert asked.checks == 3


def test_what_stays_away_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfers, "PATIENCE_SECONDS", 0.05)
    with pytest.raises(Unavailable, match="away"):
        patiently(Asked(away=1_000_000).call, lambda: None)


def test_damaged_files_are_not_waited_for() -> None:
    def damaged() -> None:
        raise Damaged("not what was written")

    with pytest.raises(Damaged):
        patiently(damaged, lambda: pytest.fail("it waited"))


def test_a_run_that_was_taken_away_ends_the_waiting() -> None:
    class Lost(Exception):
        pass

    def lost() -> None:
        raise Lost

    with pytest.raises(Lost):
        patiently(Asked(away=1_000_000).call, lost)


def test_a_log_that_cannot_be_stored_costs_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    with override_settings(**storages("", tmp_path)):
        log = RunLog(KEY, tmp_path)
    with override_settings(**storages(AWAY, tmp_path)), log:
        log.path.write_text("line\n")
        log.put_when_due()
    assert f"the log {KEY} was not stored" in caplog.text
    assert log.path.read_text() == "line\n"
