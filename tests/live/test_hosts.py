"""A web process and two workers on three hosts that share a database, a broker and a bucket, and nothing else."""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis
import requests

from tests.live.conftest import find_free_port, wait_for
from tests.live.guide import SESSIONS, Client, play_guide
from tests.live.hosts import Host, hosts, variables_of
from tests.object_store import CREDENTIALS, StoreBucket, run_object_store
from tests.servers import new_database

CSV = "A,B,N\n" + "".join(f"a{n % 3},b{n % 5},{n % 7}.5\n" for n in range(400))
FEEDER = {"encode_column": ["A", "B", "N"]}
ROW = {"input_data": {"A": "a1", "B": "b1", "N": 1.5}}
PREDICT = "service/state/predict/type/anomaly/nnid/{}/ver/1/"
NETWORK = "common/target/nninfo/nnid/{}/"
TRAIN = "runmanager/state/train/nnid/{}/ver/1/"

pytestmark = pytest.mark.skipif(
    not os.environ.get("TEST_DATABASE_URL"), reason="needs servers that several hosts can reach: bin/test --servers"
)


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreBucket]:
    with run_object_store(tmp_path_factory.mktemp("object-store") / "server.log") as store:
        yield store.make_bucket()


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory, bucket: StoreBucket) -> Iterator[list[Host]]:
    """Give the hosts; the first has the web process and beat, the others a worker each."""
    database = new_database(os.environ["TEST_DATABASE_URL"], "nnservice_hosts")
    broker = f"{os.environ['TEST_REDIS_URL'].rpartition('/')[0]}/3"
    redis.Redis.from_url(broker).flushdb()
    shared = {
        "DATABASE_URL": database,
        "REDIS_URL": broker,
        "STORAGE_URL": bucket.storage_url,
        "NNSERVICE_SECRET_KEY": "the hosts of a test share this key, which is none of an installation's",
        **CREDENTIALS,
    }
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("hosts")
        made = stack.enter_context(hosts(folder, ("web-1", "worker-1", "worker-2"), database, broker, bucket.store.url))
        port = str(find_free_port())
        for host in made:
            host.variables = variables_of(host, shared) | {
                "PORT": port,
                "NNSERVICE_BIND": host.address,
                "NNSERVICE_ALLOWED_HOSTS": host.address,
                "NNSERVICE_WORKER_CONCURRENCY": "1",
                "WEB_WORKERS": "1",
            }
        web, *workers = made
        web.run("manage.py", "migrate", "--verbosity", "0")
        for host, program in ((web, "web"), (web, "beat"), *((worker, "worker") for worker in workers)):
            stack.enter_context(host.running(program))
        yield made


@pytest.fixture(scope="module")
def client(three: list[Host]) -> Client:
    web = three[0]
    base = f"http://{web.address}:{web.variables['PORT']}"

    def answers() -> bool:
        try:
            return requests.get(f"{base}/", timeout=5).status_code == 200
        except requests.ConnectionError:
            return False

    wait_for(answers, seconds=60)
    token = re.search(r"nns_\w+", web.run("manage.py", "create_admin", "hosts").stdout)
    assert token
    SESSIONS[base] = requests.Session()
    SESSIONS[base].headers["Authorization"] = f"Bearer {token[0]}"
    return Client(base)


@pytest.fixture
def begin(client: Client, tmp_path: Path) -> Callable[..., str]:
    """Give a function that makes a network and starts its first run."""
    csv = tmp_path / "rows.csv"
    csv.write_text(CSV)

    def start(name: str, **netconf: object) -> str:
        base = client.base.removesuffix("/api/v1/type/")
        play_guide(base, name, csv, feeder=FEEDER, netconf={"n_hidden": [8], **netconf})
        return name

    return start


def test_both_workers_train_and_the_web_host_serves_what_it_never_had(
    three: list[Host], client: Client, begin: Callable[..., str], bucket: StoreBucket
) -> None:
    names = [begin(name, iter=30) for name in ("one", "two")]
    workers = set()
    for name in names:
        client.wait(name, "succeeded")
        (run,) = client.get(f"runmanager/state/history/nnid/{name}/ver/1/")
        workers.add(run["worker"])
        assert client.get(f"service/monitering/type/log/id/{run['id']}/line/10/")["lines"]
        scores = client.get(f"result/nnid/{name}/ver/1/scores/")
        assert scores["count"] == 400
        served = client.post(PREDICT.format(name), json=ROW)
        assert served["run"] == run["id"]
        table = client.call("GET", f"result/nnid/{name}/ver/1/scores/?download=parquet")
        assert table.content[:4] == b"PAR1"
    assert len(workers) == 2, "each trained one"
    if three[0].namespace is not None:
        assert {worker.split(":")[0] for worker in workers} == {"worker-1", "worker-2"}
    for host in three:
        kept = {path.name for path in (host.home / "files").iterdir()}
        assert kept == {"incoming"}, "files are in the bucket only"
        assert not list((host.home / "jobs").iterdir())
    for name in names:
        assert client.call("DELETE", NETWORK.format(name)).status_code == 200
    assert bucket.stored_keys() == []


def test_the_log_of_a_running_training_is_read_on_another_host(client: Client, begin: Callable[..., str]) -> None:
    name = begin("long", iter=1_000_000)
    run = client.wait(name, "running")
    log = f"service/monitering/type/log/id/{run['id']}/line/10/"
    wait_for(lambda: bool(client.get(log)["lines"]), seconds=60)
    assert client.get(log)["state"] == "running"
    client.call("DELETE", TRAIN.format(name))
    client.wait(name, "cancelled")
    assert client.call("DELETE", NETWORK.format(name)).status_code == 200


def test_a_model_that_was_changed_in_the_bucket_is_refused(
    client: Client, begin: Callable[..., str], bucket: StoreBucket
) -> None:
    name = begin("damaged", iter=2)
    run = client.wait(name, "succeeded")
    (key,) = (key for key in bucket.stored_keys() if key.endswith("/model.onnx"))
    bucket.flip_a_byte(key)
    answer = client.call("POST", PREDICT.format(name), json=ROW)
    assert answer.status_code == 503
    assert "model.onnx" in answer.json()["result"]
    assert "train it again" in answer.json()["result"]
    assert client.get(f"result/nnid/{name}/ver/1/")["id"] == run["id"], "the run stays"
    bucket.flip_a_byte(key)
    assert client.post(PREDICT.format(name), json=ROW)["run"] == run["id"]
    assert client.call("DELETE", NETWORK.format(name)).status_code == 200


def test_a_training_moves_to_another_host_and_goes_on_where_it_was(
    three: list[Host], client: Client, begin: Callable[..., str], bucket: StoreBucket
) -> None:
    name = begin("moved", iter=1_000_000)
    client.wait(name, "running")
    wait_for(lambda: any("/checkpoint/" in key for key in bucket.stored_keys()), seconds=90)
    before = worker_of(client, name)
    left = next(host for host in three[1:] if str(host.programs["worker"].pid) in before.split(":"))
    left.programs["worker"].terminate()
    wait_for(lambda: (client.get(TRAIN.format(name))["progress"]["resumed_from_epoch"] or 0) > 0, seconds=90)
    assert worker_of(client, name) not in ("", before)
    client.call("DELETE", TRAIN.format(name))
    client.wait(name, "cancelled")
    wait_for(lambda: not any("/checkpoint/" in key for key in bucket.stored_keys()), seconds=30)
    assert client.call("DELETE", NETWORK.format(name)).status_code == 200
    wait_for(lambda: bucket.stored_keys() == [], seconds=30)


def worker_of(client: Client, name: str) -> str:
    (run,) = client.get(f"runmanager/state/history/nnid/{name}/ver/1/")
    return str(run["worker"])
