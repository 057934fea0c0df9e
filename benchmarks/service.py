"""The running service: POST train to finished, memory at rest, memory while 1 GB uploads, predict latency."""

import http.client
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import requests

from benchmarks.report import machine, parser, print_table, write_json

REPOSITORY = Path(__file__).resolve().parents[1]
STEEL = REPOSITORY / "examples" / "steel.csv"
LABEL = "DEFECT"
PLAIN = {"Accept": "application/json"}
MB = 1_000_000


def main(argv: list[str]) -> None:
    """Measure a fresh service in a temporary state folder."""
    arguments = parser("service", __doc__)
    arguments.add_argument("--upload-mb", type=int, default=1000, help="size of the uploaded CSV")
    arguments.add_argument("--requests", type=int, default=2000, help="predict requests of one row")
    options = arguments.parse_args(argv)
    described = machine()
    with tempfile.TemporaryDirectory(prefix="bench-service-") as folder, running_service(Path(folder)) as service:
        result = {
            "at rest": at_rest(service),
            "train": train(service),
            "predict": predict(service, options.requests),
            "upload": upload(service, Path(folder) / "large.csv", options.upload_mb),
        }
    rows = [[what, name, value] for what, values in result.items() for name, value in values.items()]
    print_table(["", "what", "value"], rows)
    write_json(options.json, "service", described, result)


class Service:
    """A service of this benchmark: where it answers, and its processes."""

    def __init__(self, url: str, process: psutil.Process) -> None:
        self.api = f"{url}/api/v1/type"
        self.process = process
        self.session = requests.Session()
        self.session.headers.update(PLAIN)

    def call(self, verb: str, path: str, **options: Any) -> Any:
        response = self.session.request(verb, f"{self.api}/{path}", timeout=600, **options)
        response.raise_for_status()
        return response.json()

    def processes(self, *words: str) -> list[psutil.Process]:
        """Return the service's processes whose command line has all of the words."""
        return [p for p in self.process.children(recursive=True) if all(w in " ".join(p.cmdline()) for w in words)]

    def web(self) -> list[psutil.Process]:
        """Return the gunicorn workers: the children of gunicorn's master."""
        gunicorn = self.processes("nnservice.wsgi")
        masters = {p.pid for p in gunicorn} & {p.ppid() for p in gunicorn}
        return [p for p in gunicorn if p.ppid() in masters]


@contextmanager
def running_service(folder: Path, **settings: str) -> Iterator[Service]:
    """Run `python -m nnservice` on a free port, with these settings, until the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {"NNSERVICE_HOME": str(folder / "home"), "PORT": str(port)} | settings
    begun = time.monotonic()
    process = subprocess.Popen([sys.executable, "-m", "nnservice"], cwd=REPOSITORY, env=environment, stdout=sys.stderr)
    url = f"http://127.0.0.1:{port}"
    try:
        while True:
            try:
                requests.get(url, timeout=1).raise_for_status()
                break
            except requests.RequestException:
                if process.poll() is not None or time.monotonic() - begun > 120:
                    raise
                time.sleep(0.05)
        yield Service(url, psutil.Process(process.pid))
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def at_rest(service: Service) -> dict[str, float]:
    """Resident memory of processes that have answered once and then idle."""
    service.call("GET", "wf/target/menu/")
    time.sleep(5)
    return {
        "web process, MB": max(p.memory_info().rss for p in service.web()) / MB,
        "worker, MB": max(p.memory_info().rss for p in service.processes("celery", "worker")) / MB,
        "all processes, MB": sum(p.memory_info().rss for p in service.process.children(recursive=True)) / MB,
    }


def train(service: Service) -> dict[str, float]:
    """Seconds from POST train to the first epoch heard of, and to a finished run, on the bundled CSV with all defaults.

    How long a fresh process takes to import TensorFlow, the larger part of both, is measured beside them.
    """
    first_epoch, seconds = train_network(service)
    result = service.call("GET", "result/nnid/bench/ver/1/")
    return {
        "importing TensorFlow, s": importing("tensorflow"),
        "POST train to first epoch, s": first_epoch,
        "POST train to finished, s": seconds,
        "rows": result["rows"]["train"],
        "epochs": len(result["loss_history"]),
        "ROC-AUC": result["metrics"]["roc_auc"],
        "average precision": result["metrics"]["average_precision"],
    }


def make_network(service: Service, name: str) -> None:
    """Make a network with one version, active, that has the nodes of an autoencoder."""
    service.call("POST", f"common/target/nninfo/nnid/{name}/", json={})
    service.call("POST", f"common/target/nninfo/nnid/{name}/version/", json={"active_flag": "Y"})
    service.call("POST", f"wf/target/init/mode/simple/{name}/wfver/1/", json={"type": "autoencoder_csv"})


def train_network(service: Service) -> tuple[float, float]:
    """Train the network `bench` on the bundled CSV; return the seconds to its first epoch and to its end."""
    make_network(service, "bench")
    with STEEL.open("rb") as file:
        service.call("POST", data_path("bench"), files={"f": file})
    feeder = "wf/state/pre/detail/feed/src/frame/net/autoencoder/nnid/bench/ver/1/node/feed_train/"
    service.call("POST", feeder, json={"label_column": LABEL})
    path = "runmanager/state/train/nnid/bench/ver/1/"
    begun = time.monotonic()
    service.call("POST", path)
    first_epoch = None
    while (run := service.call("GET", path))["state"] in ("queued", "running"):
        if first_epoch is None and run["progress"].get("epoch"):
            first_epoch = time.monotonic() - begun
        time.sleep(0.05)
    seconds = time.monotonic() - begun
    if run["state"] != "succeeded":
        raise RuntimeError(run["error"])
    return seconds if first_epoch is None else first_epoch, seconds


def importing(module: str) -> float:
    """Return the seconds that a fresh process lives to import a module: the less of two."""
    spent = []
    for _ in range(2):
        begun = time.monotonic()
        subprocess.run([sys.executable, "-c", f"import {module}"], stderr=subprocess.DEVNULL, check=True)
        spent.append(time.monotonic() - begun)
    return min(spent)


def predict(service: Service, count: int) -> dict[str, float]:
    """Latency of one row, and rows a second at 1,000 rows a request, one client on one connection."""
    path = "service/state/predict/type/anomaly/nnid/bench/ver/active/"
    rows = [line["values"] for line in service.call("GET", "result/nnid/bench/ver/1/")["top_anomalies"]]
    one = [timed(service, path, {"input_data": rows[n % len(rows)]}) for n in range(count)][count // 10 :]
    thousand = [timed(service, path, {"input_data": (rows * 100)[:1000]}) for _ in range(33)][3:]
    return {
        "one row, p50 ms": statistics.median(one) * 1000,
        "one row, p99 ms": float(np.quantile(one, 0.99)) * 1000,
        "1,000 rows, p50 ms": statistics.median(thousand) * 1000,
        "1,000 rows, rows/s": 1000 / statistics.median(thousand),
        "web process after, MB": max(p.memory_info().rss for p in service.web()) / MB,
    }


def timed(service: Service, path: str, body: dict[str, Any]) -> float:
    """Return the seconds of one call."""
    begun = time.perf_counter()
    service.call("POST", path, json=body)
    return time.perf_counter() - begun


def upload(service: Service, csv: Path, megabytes: int) -> dict[str, float]:
    """Growth of the web processes' memory, sampled while one large CSV uploads."""
    write_csv(csv, megabytes)
    make_network(service, "large")
    web = service.web()
    before = [p.memory_info().rss for p in web]
    growth, children, ended = [0] * len(web), 0, threading.Event()

    def sample() -> None:
        nonlocal children
        while not ended.wait(0.02):
            growth[:] = [
                max(most, p.memory_info().rss - start) for most, p, start in zip(growth, web, before, strict=True)
            ]
            children = max(children, sum(resident(p) for p in service.processes("algorithms", "convert")))

    sampler = threading.Thread(target=sample)
    sampler.start()
    begun = time.monotonic()
    try:
        send_file(service, data_path("large"), csv)
    finally:
        seconds = time.monotonic() - begun
        ended.set()
        sampler.join()
    (described,) = service.call("GET", data_path("large"))
    return {
        "CSV, MB": csv.stat().st_size / MB,
        "rows": described["rows"],
        "seconds, conversion included": seconds,
        "MB/s": csv.stat().st_size / MB / seconds,
        "growth of the web process, MB": max(growth) / MB,
        "peak of the converting child, MB": children / MB,
    }


def resident(process: psutil.Process) -> int:
    """Return a process's resident memory, 0 once it has ended."""
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def data_path(network: str, version: int = 1) -> str:
    """Return the path of a version's training data."""
    return f"wf/state/framedata/src/local/form/raw/prg/source/nnid/{network}/ver/{version}/node/datasrc/"


def write_csv(path: Path, megabytes: int) -> None:
    """Write ten numeric and two text columns; a block of rows is repeated, the parser does not mind."""
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(20_000, 10))
    block = "".join(
        ",".join(f"{value:.5f}" for value in row) + f",grade-{n % 37},line-{n % 5}\n" for n, row in enumerate(numbers)
    ).encode()
    with path.open("wb") as file:
        file.write(",".join([*(f"n{n}" for n in range(10)), "grade", "line"]).encode() + b"\n")
        for _ in range(-(-megabytes * MB // len(block))):
            file.write(block)


def send_file(service: Service, path: str, csv: Path) -> None:
    """Send a file as a form without reading it into memory, as browsers and curl do."""
    head = b'--bench\r\nContent-Disposition: form-data; name="f"; filename="large.csv"\r\n\r\n'
    tail = b"\r\n--bench--\r\n"
    host, _, base = service.api.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=600, blocksize=MB)
    connection.putrequest("POST", f"/{base}/{path}")
    for name in {"Accept", "Authorization"} & service.session.headers.keys():
        connection.putheader(name, service.session.headers[name])
    connection.putheader("Content-Type", "multipart/form-data; boundary=bench")
    connection.putheader("Content-Length", str(len(head) + csv.stat().st_size + len(tail)))
    connection.endheaders()
    connection.send(head)
    with csv.open("rb") as file:
        connection.send(file)
    connection.send(tail)
    response = connection.getresponse()
    body = response.read()
    if response.status != 200:
        raise RuntimeError(f"{response.status} {body.decode()}")


if __name__ == "__main__":
    main(sys.argv[1:])
