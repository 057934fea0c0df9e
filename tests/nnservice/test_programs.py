"""What the programs of an installation find when they start."""

import os
import time
from pathlib import Path

import pytest

from nnservice.programs import FORGOTTEN_SECONDS, bind, metrics_folder


def test_the_web_processes_of_a_host_begin_to_count_anew_and_former_hosts_are_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = metrics_folder(tmp_path)
    (own / "counter_1.db").touch()
    former, other = own.parent / "former", own.parent / "other"
    for folder in (former, other):
        folder.mkdir()
        (folder / "counter_1.db").touch()
    long_ago, far_ahead = time.time() - FORGOTTEN_SECONDS - 60, time.time() + 2 * FORGOTTEN_SECONDS
    for path in (former, former / "counter_1.db", other):
        os.utime(path, (long_ago, long_ago))
    monkeypatch.setattr(time, "time", lambda: far_ahead)
    assert metrics_folder(tmp_path) == own
    assert list(own.iterdir()) == []
    assert sorted(path.name for path in own.parent.iterdir()) == sorted([own.name, "other"])


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("", "127.0.0.1:8001"),
        ("0.0.0.0", "0.0.0.0:8001"),
        ("localhost", "localhost:8001"),
        ("::1", "[::1]:8001"),
        ("[::1]", "[::1]:8001"),
    ],
)
def test_the_web_server_is_given_an_address_that_it_can_read(
    monkeypatch: pytest.MonkeyPatch, address: str, expected: str
) -> None:
    monkeypatch.setenv("NNSERVICE_BIND", address)
    monkeypatch.setenv("PORT", "8001")
    assert bind() == expected
