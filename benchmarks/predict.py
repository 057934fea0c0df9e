"""One-row predict over HTTP beside MLflow's server of the same ONNX model: latency, requests a second, memory."""

import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import requests

from algorithms.artifacts import MODEL_FILE
from algorithms.scorer import Scorer
from benchmarks.load import SETTINGS, admin_token, settings_of
from benchmarks.load_requests import NEEDED, NETWORK, PREDICT, ask, script
from benchmarks.report import machine, parser, print_table, write_json
from benchmarks.service import MB, REPOSITORY, Service, running_service, train_network
from tests.servers import CannotStart, free_port

OURS, PEER, FLOOR = "this product", "MLflow", "empty DRF view"
CLIENTS = (1, 8, 32)
PROCESSES = 2
"""What the service ships with (WEB_WORKERS)."""
START_SECONDS = 120
WARM_UP_SECONDS = 1
PATH = Path(__file__).parent


@dataclass(frozen=True)
class Server:
    """Where a server answers, what it is asked, and its processes."""

    name: str
    url: str
    lua: Path
    process: psutil.Process

    @property
    def processes(self) -> list[psutil.Process]:
        """The server's processes; of the service, those of its web server."""
        return [self.process, *self.process.children(recursive=True)]

    def memory(self) -> float:
        """Return the proportional set size in MB: what processes share counts once."""
        return sum(process.memory_full_info().pss for process in self.processes) / MB


def main(argv: Sequence[str]) -> None:
    """Ask each server for the verdict on one row, over kept-alive connections of wrk on this machine, in turns.

    The service trains an autoencoder on the bundled steel records and serves it on PostgreSQL and Redis, in token mode,
    requests counted and predictions logged; its web server has two processes. MLflow's server gets the network of the
    same run, exported as ONNX, and encoded features: it knows no tokens, keeps no log, neither encodes a row nor names
    contributions. It is measured with its own default of processes and with two. A view of Django REST framework that
    does nothing, two processes of gunicorn's threads, is the floor.

    Rates and latencies are medians of rounds in which each server has its turn. Memory is the proportional set size of
    all processes of a server after its last request; of the service it is the web server's, which alone predicts.
    """
    arguments = parser("predict", f"{__doc__}\n\n{main.__doc__}")
    arguments.add_argument("--mlflow", type=Path, metavar="PYTHON", help="an interpreter that has mlflow, onnxruntime")
    arguments.add_argument("--seconds", type=int, default=8, help="of wrk each time (default 8)")
    arguments.add_argument("--rounds", type=int, default=3, help="of all servers (default 3)")
    arguments.add_argument("--database", choices=("sqlite", "postgresql"), default="postgresql")
    arguments.add_argument("--quick", action="store_true", help="one round of a second, to see that it works")
    options = arguments.parse_args(argv)
    seconds, rounds = (1, 1) if options.quick else (options.seconds, options.rounds)
    if shutil.which("wrk") is None:
        sys.exit(f"bench predict: {NEEDED}")
    described = machine()
    try:
        result = measure(options.database, options.mlflow, rounds, seconds)
    except CannotStart as error:
        sys.exit(f"bench predict: {error}")
    report(result)
    write_json(options.json, "predict", described, {"rounds": rounds, "seconds": seconds, **result})
    if any(row["errors"] for row in result["measured"]):
        sys.exit("bench predict: not every request was answered well")


def measure(database: str, mlflow: Path | None, rounds: int, seconds: int) -> dict[str, Any]:
    """Return rates and latencies by server and number of clients, and memory by server."""
    with tempfile.TemporaryDirectory(prefix="bench-predict-") as name, settings_of(database) as urls:
        folder = Path(name)
        settings = {**urls, **SETTINGS, "WEB_WORKERS": str(PROCESSES)}
        with running_service(folder, **settings) as service, ExitStack() as stack:
            if database == "postgresql":
                service.session.headers["Authorization"] = f"Bearer {admin_token(folder, settings)}"
            train_network(service)
            row = service.call("GET", f"result/nnid/{NETWORK}/ver/1/")["top_anomalies"][0]["values"]
            servers = [ours(service, folder, row), stack.enter_context(floor(folder))]
            if mlflow is not None:
                servers += peers(stack, mlflow, folder, row)
            return in_turns(servers, rounds, seconds)


def in_turns(servers: Sequence[Server], rounds: int, seconds: int) -> dict[str, Any]:
    """Ask every server with every number of clients, as often as there are rounds."""
    asked: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for _ in range(rounds):
        for clients in CLIENTS:
            for server in servers:
                ask(server.url, server.lua, clients, WARM_UP_SECONDS)
                found = ask(server.url, server.lua, clients, seconds)
                asked.setdefault((server.name, clients), []).append(found)
    measured = [
        {
            "server": name,
            "clients": clients,
            **{key: statistics.median(found[key] for found in rounds_of) for key in rounds_of[0] if key != "errors"},
            "errors": sum(found["errors"] for found in rounds_of),
        }
        for (name, clients), rounds_of in sorted(asked.items(), key=lambda entry: (entry[0][1], entry[0][0]))
    ]
    memory = [
        {"server": server.name, "processes": len(server.processes), "PSS MB": server.memory()} for server in servers
    ]
    return {"measured": measured, "memory": memory}


def ours(service: Service, folder: Path, row: Mapping[str, Any]) -> Server:
    """Return the service's web server."""
    headers = {name: str(service.session.headers.get(name, "")) for name in ("Accept", "Authorization")}
    lua = folder / "ours.lua"
    lua.write_text(script({name: value for name, value in headers.items() if value}, json.dumps({"input_data": row})))
    (master,) = {process.ppid() for process in service.web()}
    return Server(OURS, f"{service.api}/{PREDICT}", lua, psutil.Process(master))


def peers(stack: ExitStack, python: Path, folder: Path, row: Mapping[str, Any]) -> list[Server]:
    """Start MLflow's server, once as it comes and once with as many processes as ours, with the model of the service.

    The scorer of the service encodes the row for it.
    """
    (model,) = (folder / "home" / "files").rglob(MODEL_FILE)
    scorer = Scorer.load(model.parent)
    features = scorer.encoder.transform(scorer.encoder.table_of_rows([row]))
    inputs = {name: getattr(features, name).tolist() for name in ("numbers", "slots")}
    packed = folder / "mlflow"
    subprocess.run([python, PATH / "predict_peers.py", model, packed], check=True, cwd=folder, stdout=sys.stderr)
    lua = folder / "peer.lua"
    lua.write_text(script({}, json.dumps({"inputs": inputs})))
    found = []
    for name, options in ((PEER, []), (f"{PEER}, {PROCESSES} processes", ["--workers", str(PROCESSES)])):
        port = free_port()
        command = [str(python.absolute().parent / "mlflow"), "models", "serve", "--env-manager", "local"]
        command += ["--model-uri", str(packed), "--port", str(port), *options]
        environment = {**os.environ, "PATH": f"{python.absolute().parent}{os.pathsep}{os.environ['PATH']}"}
        url = f"http://127.0.0.1:{port}"
        process = stack.enter_context(started(command, folder / f"{port}.log", f"{url}/ping", environment))
        found.append(Server(name, f"{url}/invocations", lua, process))
    return found


@contextmanager
def floor(folder: Path) -> Iterator[Server]:
    """Run the view that does nothing."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "benchmarks.predict_floor:application", "--bind", f"127.0.0.1:{port}"]
    command += ["--workers", str(PROCESSES), "--threads", "8", "--preload", "--no-control-socket"]
    lua = folder / "floor.lua"
    lua.write_text(script({"Accept": "application/json"}, "{}"))
    url = f"http://127.0.0.1:{port}/"
    with started(command, folder / "floor.log", url, dict(os.environ)) as process:
        yield Server(FLOOR, url, lua, process)


@contextmanager
def started(command: Sequence[str], log: Path, url: str, environment: Mapping[str, str]) -> Iterator[psutil.Process]:
    """Run a server, from when it answers until the block ends.

    Raises:
        CannotStart: it ended, or did not answer in time.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=REPOSITORY, env=dict(environment), stdout=output, stderr=output, start_new_session=True
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not answers(url):
            if process.poll() is not None or time.monotonic() > deadline:
                raise CannotStart(f"{command[0]} does not start: {log.read_text()[-2000:]}")
            time.sleep(0.1)
        yield psutil.Process(process.pid)
    finally:
        os.killpg(process.pid, signal.SIGTERM)  # MLflow starts its server through a shell
        process.wait(30)


def answers(url: str) -> bool:
    """Tell whether a server answers, whatever it says."""
    try:
        requests.get(url, timeout=5)
    except requests.RequestException:
        return False
    return True


def report(result: Mapping[str, Any]) -> None:
    """Print tables, and ours beside the better of the peer's at each number of clients."""
    rows = result["measured"]
    names = ["server", "clients", "requests/s", "p50 ms", "p99 ms", "max ms", "errors"]
    print_table(names, [[row[name] for name in names] for row in rows])
    print()
    print_table(["memory", "processes", "PSS MB"], [list(row.values()) for row in result["memory"]])
    for clients in CLIENTS:
        of_peer = [row for row in rows if row["clients"] == clients and row["server"].startswith(PEER)]
        if not of_peer:
            return
        (own,) = (row for row in rows if row["clients"] == clients and row["server"] == OURS)
        best = max(of_peer, key=lambda row: row["requests/s"])
        shares = [f"{own[name] / best[name]:.2f} x {name}" for name in ("requests/s", "p50 ms", "p99 ms")]
        print(f"\n{clients} clients, ours to {best['server']}: {', '.join(shares)}", end="")
    print()


if __name__ == "__main__":
    main(sys.argv[1:])
