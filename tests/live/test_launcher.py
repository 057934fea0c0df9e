"""Starting and stopping, as a person does it."""

import signal
import socket

import psutil

from examples import demo
from nnservice.home import socket_path


def test_a_second_start_on_the_same_state_folder_is_one_clear_line(service, start_service):
    second = start_service(service.home)
    assert second.process.wait(timeout=30) == 1
    lines = second.log.read_text().splitlines()
    assert len(lines) == 1
    assert f"{service.home} is in use" in lines[0]
    assert f"process {service.process.pid}" in lines[0]
    assert service.answers()


def test_a_taken_port_is_one_clear_line(start_service):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        second = start_service(PORT=str(port))
        assert second.process.wait(timeout=30) == 1
    assert second.log.read_text().splitlines() == [
        f"nnservice: cannot listen on 127.0.0.1:{port} (Address already in use): set PORT to a free one"
    ]


def test_a_wrong_setting_is_one_clear_line(start_service):
    service = start_service(WEB_WORKERS="none")
    assert service.process.wait(timeout=30) == 1
    assert service.log.read_text().splitlines()[-1] == (
        "nnservice: WEB_WORKERS must be a whole number of at least 1, not 'none'"
    )


def test_open_mode_with_a_database_of_others_is_one_clear_line(start_service):
    service = start_service(NNSERVICE_AUTH="open", DATABASE_URL="postgres://nowhere/nn")
    assert service.process.wait(timeout=30) == 1
    (line,) = service.log.read_text().splitlines()
    assert line.startswith("nnservice: NNSERVICE_AUTH=open is refused while DATABASE_URL is set")
    assert "create_admin" in line


def test_it_listens_on_the_loopback_only_and_its_broker_on_no_port(service):
    listening = [
        connection.laddr
        for process in service.family()
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert set(listening) == {("127.0.0.1", service.port)}


def test_its_files_are_for_their_owner_only(service):
    assert [path for path in service.home.iterdir() if path.stat().st_mode & 0o077] == []


def test_sigterm_ends_everything_within_ten_seconds(start_service):
    service = start_service()
    service.wait_until_ready()
    assert service.stop(signal.SIGTERM) == 0  # it waits ten seconds at most
    assert service.left() == []


def test_a_signal_while_it_starts_ends_everything(start_service, wait_for):
    service = start_service()
    wait_for(lambda: service.running("supervisord"), seconds=30)
    assert service.stop() == 0
    assert service.left() == []


def test_a_program_that_ignores_the_signal_is_killed(start_service):
    service = start_service()
    service.wait_until_ready()
    (worker,) = service.running("celery.* nnservice worker")
    worker.suspend()
    assert service.stop() == 0
    assert service.left() == []


def test_nothing_outlives_a_killed_launcher(start_service, wait_for):
    service = start_service()
    service.wait_until_ready()
    service.process.kill()
    wait_for(lambda: not service.left(), seconds=10)


def test_nothing_outlives_a_killed_process_manager(start_service):
    service = start_service()
    service.wait_until_ready()
    (manager,) = service.running("supervisor.supervisord")
    manager.kill()
    assert service.process.wait(timeout=10) == 1
    assert "the process manager has ended" in service.log.read_text().splitlines()[-1]
    assert service.left() == []


def test_a_state_folder_with_a_long_path_and_odd_characters_works_and_keeps_its_secret(start_service, tmp_path):
    home = tmp_path / ("long " * 20 + "100% 'quoted' ;") / "home"
    keys = set()
    for signum in (signal.SIGINT, signal.SIGHUP):
        service = start_service(home)
        service.wait_until_ready()
        assert service.answers()
        assert socket_path(home).is_socket()
        keys.add((home / "secret_key").read_text())
        assert service.stop(signum) == 0
        assert service.left() == []
        assert not socket_path(home).exists()
        socket_path(home).parent.rmdir()  # asking for the path has made it again
    assert len(keys) == 1


def test_a_training_ends_with_the_service_and_goes_on_with_the_next(start_service, wait_for, tmp_path):
    home = tmp_path / "home"
    service = start_service(home)
    service.wait_until_ready()
    steel = demo.ROOT / "examples" / "steel.csv"
    plan = demo.Plan(steel, "autoencoder", demo.FEEDER | demo.STEEL_FEEDER, {"iter": 1_000_000})
    nn_id = demo.define_and_train(demo.Api(service.port), plan)
    wait_for(lambda: service.running("algorithms fit"), seconds=60)
    assert service.stop() == 0
    assert service.left() == []

    service = start_service(home)
    service.wait_until_ready()
    wait_for(lambda: service.running("algorithms fit"), seconds=60)
    path = f"type/runmanager/state/train/nnid/{nn_id}/ver/1/"
    assert demo.Api(service.port).call("GET", path)["state"] == "running"
    assert service.stop() == 0
    assert service.left() == []
