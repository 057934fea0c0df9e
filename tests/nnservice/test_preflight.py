import fcntl
import os
import socket

import pytest

from nnservice.preflight import CannotStart, chosen_port, only_launcher, require_free, require_loopback


@pytest.mark.parametrize("value", ["0", "-1", "65536", "80a", "8e3", "٨٠"])
def test_it_refuses_what_is_no_port_and_names_the_variable(monkeypatch, value):
    monkeypatch.setenv("PORT", value)
    with pytest.raises(CannotStart, match=f"PORT .* not '{value}'"):
        chosen_port()


def test_the_port_is_8000_unless_one_is_chosen(monkeypatch):
    monkeypatch.delenv("PORT", raising=False)
    assert chosen_port() == 8000
    monkeypatch.setenv("PORT", " 8001 ")
    assert chosen_port() == 8001


@pytest.mark.parametrize("address", ["", "127.0.0.1", "127.0.0.2", "localhost", "::1"])
def test_the_launcher_starts_where_it_listens_anyway(monkeypatch, address):
    monkeypatch.setenv("NNSERVICE_BIND", address)
    require_loopback()


@pytest.mark.parametrize("address", ["0.0.0.0", "10.0.0.5", "::", "models.example"])
def test_it_does_not_start_in_place_of_a_service_for_others(monkeypatch, address):
    monkeypatch.setenv("NNSERVICE_BIND", address)
    with pytest.raises(CannotStart, match=f"NNSERVICE_BIND is {address}: unset it .* NNSERVICE_AUTH=token"):
        require_loopback()


def test_a_port_is_free_when_nobody_listens_there():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CannotStart, match=f"127.0.0.1:{port} .* set PORT"):
            require_free(port)
    require_free(port)


def test_one_launcher_holds_a_state_folder_and_says_which(tmp_path):
    with only_launcher(tmp_path):
        with pytest.raises(CannotStart, match=f"process {os.getpid()}"), only_launcher(tmp_path):
            pass
        assert (tmp_path / "nnservice.pid").read_text() == f"{os.getpid()}\n"
    assert (tmp_path / "nnservice.pid").read_text() == ""
    with only_launcher(tmp_path):
        pass


def test_a_process_id_left_by_a_killed_launcher_does_not_hold_the_folder(tmp_path):
    (tmp_path / "nnservice.pid").write_text("123456789\n")
    with only_launcher(tmp_path), (tmp_path / "nnservice.pid").open() as file:
        assert file.read() == f"{os.getpid()}\n"
        with pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
