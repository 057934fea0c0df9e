import os
import stat
import threading
from multiprocessing import get_context

import pytest

from nnservice.home import MAX_SOCKET_PATH, HomeUnusable, broker_url, secret_key, socket_path, state_home


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def long_home(tmp_path):
    home = tmp_path / ("h" * 120)
    home.mkdir()
    yield home
    folder = socket_path(home).parent
    folder.rmdir()


def test_it_makes_the_state_folder_and_its_parts_private(tmp_path, monkeypatch):
    monkeypatch.setenv("NNSERVICE_HOME", str(tmp_path / "deep" / "home"))
    home = state_home()
    assert home == tmp_path / "deep" / "home"
    assert {path.name: mode(path) for path in [home, *home.iterdir()]} == dict.fromkeys(
        ["home", "files", "jobs", "logs", "valkey"], 0o700
    )


def test_a_relative_home_becomes_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NNSERVICE_HOME", "here")
    assert state_home() == tmp_path / "here"


def test_it_names_the_variable_when_the_home_is_a_file(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NNSERVICE_HOME", str(tmp_path / "file"))
    with pytest.raises(HomeUnusable, match="NNSERVICE_HOME"):
        state_home()


def test_it_draws_a_secret_once_and_keeps_it_from_others(tmp_path):
    key = secret_key(tmp_path)
    assert len(key) >= 50
    assert secret_key(tmp_path) == key
    assert mode(tmp_path / "secret_key") == 0o600


def test_two_installations_have_two_secrets(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert secret_key(tmp_path / "a") != secret_key(tmp_path / "b")


def test_a_secret_cut_short_by_a_crash_is_drawn_again(tmp_path):
    (tmp_path / "secret_key").write_text("abc")
    key = secret_key(tmp_path)
    assert key != "abc"
    assert len(key) >= 50
    assert (tmp_path / "secret_key").read_text() == key


def test_starters_at_the_same_time_agree_on_one_secret(tmp_path):
    with get_context("spawn").Pool(4) as pool:
        assert len(set(pool.map(secret_key, [tmp_path] * 32, chunksize=1))) == 1


def test_threads_at_the_same_time_agree_on_one_secret(tmp_path):
    keys = []
    threads = [threading.Thread(target=lambda: keys.append(secret_key(tmp_path))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 16
    assert len(set(keys)) == 1


def test_the_socket_lies_in_the_home_when_its_path_is_short(tmp_path):
    assert len(str(tmp_path)) < 80
    assert socket_path(tmp_path) == tmp_path / "valkey" / "valkey.sock"


def test_a_long_home_gets_a_short_private_folder_the_same_every_time(long_home):
    path = socket_path(long_home)
    assert len(os.fsencode(path)) <= MAX_SOCKET_PATH
    assert mode(path.parent) == 0o700
    assert socket_path(long_home) == path


def test_the_length_counts_bytes_not_characters(tmp_path):
    home = tmp_path / ("긴" * 25)
    home.mkdir()
    path = socket_path(home)
    assert not path.is_relative_to(home)
    path.parent.rmdir()


def test_a_link_to_the_home_leads_to_the_same_socket(long_home, tmp_path):
    (tmp_path / "link").symlink_to(long_home)
    assert socket_path(tmp_path / "link") == socket_path(long_home)


def test_two_long_homes_have_two_sockets(long_home, tmp_path):
    other = tmp_path / ("i" * 120)
    other.mkdir()
    path = socket_path(other)
    assert path != socket_path(long_home)
    path.parent.rmdir()


def test_a_long_temporary_folder_is_passed_over(long_home, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / ("t" * 120)))
    path = socket_path(long_home)
    assert len(os.fsencode(path)) <= MAX_SOCKET_PATH
    path.parent.rmdir()
    monkeypatch.undo()


def test_it_refuses_a_socket_folder_that_others_can_enter(long_home):
    folder = socket_path(long_home).parent
    folder.chmod(0o755)
    with pytest.raises(HomeUnusable, match="not a private folder"):
        socket_path(long_home)
    folder.chmod(0o700)


def test_it_refuses_a_link_in_the_place_of_the_socket_folder(long_home, tmp_path):
    folder = socket_path(long_home).parent
    folder.rmdir()
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(HomeUnusable, match="not a private folder"):
        socket_path(long_home)
    folder.unlink()


def test_the_broker_is_the_one_named_by_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("REDIS_URL", "redis://elsewhere:6379/0")
    assert broker_url(tmp_path) == "redis://elsewhere:6379/0"


def test_celery_finds_the_embedded_broker_in_a_folder_with_odd_characters(tmp_path, run_broker):
    from kombu import Connection

    home = tmp_path / "a b%20é#?;'"
    with run_broker(home), Connection(broker_url(home)) as connection:
        assert connection.default_channel.client.ping()
