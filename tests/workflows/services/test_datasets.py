"""Uploads and their rows stay together, whatever becomes of the connection to the database."""

from typing import Any

import pytest
from django.db import OperationalError, connection

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


@pytest.mark.django_db(transaction=True)
def test_files_stay_when_their_rows_were_committed_though_the_answer_was_lost(
    version: Api, monkeypatch: pytest.MonkeyPatch, stored_folders: Any
) -> None:
    lose_the_connection(monkeypatch, committed=True)
    assert version.upload(DATA, ("steel.csv", STEEL)).status == 503
    assert len(stored_folders()) == 1
    assert place_of(DataFile.objects.get().prefix).is_dir()


@pytest.mark.django_db(transaction=True)
def test_files_go_when_the_database_says_that_their_rows_are_not_there(
    version: Api, monkeypatch: pytest.MonkeyPatch, stored_folders: Any
) -> None:
    lose_the_connection(monkeypatch, committed=False)
    assert version.upload(DATA, ("steel.csv", STEEL)).status == 503
    assert not stored_folders()


@pytest.mark.django_db(transaction=True)
def test_files_stay_when_the_database_cannot_be_asked(
    version: Api, monkeypatch: pytest.MonkeyPatch, stored_folders: Any
) -> None:
    with monkeypatch.context() as away:

        def go_away(*_: Any) -> None:
            away.setitem(connection.settings_dict, "NAME", "/nowhere/db.sqlite3")
            connection.close()
            raise OperationalError("server closed the connection unexpectedly")

        away.setattr(datasets, "_commit", go_away)
        assert version.upload(DATA, ("steel.csv", STEEL)).status == 503
    connection.close()
    assert len(stored_folders()) == 1


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
