"""Uploads and their rows stay together, whatever becomes of the connection to the database."""

from typing import Any

import pytest
from django.db import OperationalError

from tests.workflows.conftest import DATA, STEEL, Api, place_of
from workflows import files
from workflows.models import DataFile
from workflows.services import datasets


def lose_the_connection(monkeypatch: pytest.MonkeyPatch, *, committed: bool) -> None:
    commit = datasets._commit

    def commit_and_lose(*given: Any) -> None:
        if committed:
            commit(*given)
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(datasets, "_commit", commit_and_lose)


@pytest.mark.parametrize("committed", [True, False])
def test_files_stay_when_nobody_knows_whether_their_rows_were_committed(
    version: Api, monkeypatch: pytest.MonkeyPatch, stored_folders: Any, committed: bool
) -> None:
    lose_the_connection(monkeypatch, committed=committed)
    assert version.upload(DATA, ("steel.csv", STEEL)).status == 503
    assert len(stored_folders()) == 1
    assert [place_of(row.prefix).is_dir() for row in DataFile.objects.all()] == ([True] if committed else [])


def test_files_go_when_the_database_has_no_room_for_their_rows(
    version: Api, monkeypatch: pytest.MonkeyPatch, stored_folders: Any
) -> None:
    def commit(*_: Any) -> None:
        raise OperationalError("database or disk is full")

    monkeypatch.setattr(datasets, "_commit", commit)
    assert version.upload(DATA, ("steel.csv", STEEL)).status == 507
    assert not stored_folders()


@pytest.mark.django_db(transaction=True)
def test_an_upload_that_replaces_another_is_stored_though_that_cannot_be_removed(
    version: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: str) -> None:
        raise RuntimeError("the storage has lost its mind")

    assert version.upload(DATA, ("steel.csv", STEEL)).status == 200
    with monkeypatch.context() as broken:
        broken.setattr(files, "remove", fail)
        assert version.upload(DATA, ("steel.csv", STEEL)).status == 200
    assert place_of(DataFile.objects.get().prefix).is_dir()
