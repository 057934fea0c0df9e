"""What dies comes back, and the service goes on."""

import contextlib

import psutil
import pytest
import redis

from nnservice.home import socket_path


@pytest.mark.parametrize(
    "program",
    [
        "celery.* nnservice worker",
        "celery.* nnservice beat",
        "gunicorn.*nnservice",
        pytest.param("valkey-server", marks=pytest.mark.embedded),
    ],
)
def test_a_killed_program_comes_back(service, wait_for, program):
    killed = service.running(program)
    assert killed
    # The eldest first: a master that sees a worker die starts another, which would answer for a while after its death.
    for process in sorted(killed, key=psutil.Process.create_time):
        with contextlib.suppress(psutil.NoSuchProcess):  # gunicorn's workers end by themselves without their master
            process.kill()
    wait_for(lambda: not any(process.is_running() for process in killed), seconds=10)
    wait_for(lambda: service.running(program), seconds=30)
    wait_for(service.answers, seconds=30)


@pytest.mark.embedded
def test_what_the_broker_was_told_outlives_its_death(service, wait_for):
    (broker,) = service.running("valkey-server")
    client = redis.Redis(unix_socket_path=str(socket_path(service.home)))
    client.set("told", "kept")
    client.execute_command("WAITAOF", 1, 0, 5000)
    broker.kill()

    def is_back():
        try:
            return client.ping()
        except redis.ConnectionError:
            return False

    wait_for(lambda: not broker.is_running() and is_back(), seconds=30)
    assert client.get("told") == b"kept"
    assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
