"""Train an anomaly detector through the API, in eight calls, and show what it finds.

bin/demo                                the bundled steel records, row by row
bin/demo --graph                        the bundled health claims: suspicious pairs, providers and patients
bin/demo --csv FILE --label COLUMN      your own CSV; its label (0/1) only measures
bin/demo --graph --csv FILE --u COLUMN --v COLUMN
bin/demo --once                         stop the service afterwards
"""

import argparse
import csv
import itertools
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import requests

from examples.findings import show_graph_result, show_result, show_verdicts

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 180
SOURCE = "type/wf/state/framedata/src/local/form/raw/prg/source"
PREDICTED_ROWS = 20_000
UNKNOWN_ID = "NEVER-SEEN"

DATA_SOURCE = {"type": "csv", "source_server": "local", "source_sql": "all", "preprocess": "none"}
FEEDER = {"vocab_size": 10, "preprocess": "frame", "embed_type": "onehot"}
GRAPH_FEEDER = {"vocab_size": 10, "preprocess": "frame"}
STEEL_FEEDER = {
    "encode_column": [
        *("PRODUCT_CD", "CUR_FAC_OP_CD", "MC_NO", "CAST_STR_NUM", "SM_STEEL_GRD", "CC_UNCOND_SF_MTH"),
        *("SLAB_WIDTH_MM", "SLAB_THICK_MM", "SLAB_LEN_MM", "SLAB_WGT_KG", "C_PCT", "MN_PCT", "SI_PCT"),
        *("TUNDISH_TEMP_C", "CAST_SPEED_M_MIN"),
    ],
    "categorical_column": ["CAST_STR_NUM"],  # a number by its looks only
    "label_column": "DEFECT",
    "train_on": "normal",
}
STEEL_NETWORK = {
    "learning_rate": 0.01,
    "iter": 10,
    "batch_size": 10,
    "examples_to_show": 10,
    "n_hidden": [200, 100],
}
CLAIMS_FEEDER = {
    "u_column": "Provider",
    "v_column": "BeneID",
    "count_distinct": ["ClaimID", "AttendingPhysician"],
    "numeric_columns": ["InscClaimAmtReimbursed"],
    "encode_column": ["AdmissionType"],
    "label_column": "PotentialFraud",
}
CLAIMS_NETWORK = {"iter": 60}


@dataclass(frozen=True)
class Plan:
    """What is trained on which file."""

    csv: Path
    detector: str
    feeder: dict[str, Any]
    network: dict[str, Any]


class DemoError(RuntimeError):
    """What went wrong, in one line."""


class Api:
    """The service's API as its first clients speak it: every answer is a JSON string that holds JSON."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._session = requests.Session()
        self._session.trust_env = False  # no proxy stands between this machine and itself

    def call(self, method: str, path: str, **content: Any) -> Any:
        """Make one call under /api/v1/.

        Raises:
            DemoError: the service refused it, or what answers is not the service.
        """
        try:
            response = self._session.request(method, f"{self.url}/api/v1/{path}", timeout=600, **content)
            answer = json.loads(response.json())
        except requests.ConnectionError as error:
            raise DemoError(f"the service on {self.url} does not answer any more") from error
        except (requests.RequestException, ValueError, TypeError) as error:
            raise DemoError(f"what answers on {self.url} is not this service: set PORT to a free one") from error
        if not response.ok:
            fields = [f"{name}: {', '.join(why)}" for name, why in answer.get("errors", {}).items()]
            raise DemoError("; ".join([f"{method} {path}: {answer['result']}", *fields]))
        return answer

    def answers(self) -> bool:
        try:
            self._session.get(f"{self.url}/", timeout=10)
        except requests.RequestException:
            return False
        return True


def start_service(api: Api) -> subprocess.Popen[bytes]:
    """Start the service in the background and wait until it answers; its output goes to run.log in its state folder."""
    home = Path(os.environ.get("NNSERVICE_HOME") or ROOT / "var").absolute()
    log = home / "run.log"
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    print(f"starting the service on {api.url}, its output goes to {log}", flush=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "nnservice"],
            cwd=ROOT,
            env=os.environ | {"NNSERVICE_HOME": str(home)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C here leaves the service alone
        )
    deadline = time.monotonic() + START_SECONDS
    while not api.answers():
        if process.poll() is not None:
            lines = log.read_text(errors="replace").splitlines() or ["it said nothing"]
            raise DemoError(f"the service did not start: {lines[-1]}")
        if time.monotonic() > deadline:
            process.terminate()
            raise DemoError(f"the service does not answer after {START_SECONDS} s, see {log}")
        time.sleep(0.2)
    return process


def define_and_train(api: Api, plan: Plan) -> str:
    """Make the eight calls; return the id of the network, whose version 1 is in training afterwards."""
    describe = {
        "biz_cate": "MES",
        "biz_sub_cate": "M60",
        "nn_title": "demo",
        "nn_desc": f"bin/demo on {plan.csv.name}",
        "use_flag": "Y",
        "dir": f"{plan.detector}_csv",
        "config": "N",
    }
    version = {
        "nn_def_list_info_nn_id": "",
        "nn_wf_ver_info": "test version info",
        "condition": "1",
        "active_flag": "Y",
    }
    nn_id = _step(api, 1, "network", "POST", "type/common/target/nninfo/nnid/new/", json=describe)["nn_id"]
    of_node = f"nnid/{nn_id}/ver/1/node"
    source = f"{SOURCE}/{of_node}/datasrc/"
    feed = f"type/wf/state/pre/detail/feed/src/frame/net/{plan.detector}/{of_node}/feed_train/"
    _step(api, 2, "version", "POST", f"type/common/target/nninfo/nnid/{nn_id}/version/", json=version)
    init = f"type/wf/target/init/mode/simple/{nn_id}/wfver/1/"
    _step(api, 3, "workflow", "POST", init, json={"type": f"{plan.detector}_csv"})
    with plan.csv.open("rb") as file:
        _step(api, 4, "upload", "POST", source, files={"test": (plan.csv.name, file)})
    _step(api, 5, "data source", "PUT", source, json=DATA_SOURCE)
    _step(api, 6, "data feeder", "POST", feed, json=plan.feeder)
    netconf = f"type/wf/state/netconf/detail/{plan.detector}/{of_node}/netconf_node/"
    _step(api, 7, "network parameters", "PUT", netconf, json=plan.network)
    _step(api, 8, "train", "POST", f"type/runmanager/state/train/nnid/{nn_id}/ver/1/")
    return str(nn_id)


def _step(api: Api, number: int, title: str, method: str, path: str, **content: Any) -> Any:
    answer = api.call(method, path, **content)
    short = path if len(path) <= 66 else f"…{path[-65:]}"
    print(f"  {number} {title:<19}{method:<5}{short}", flush=True)
    return answer


def watch(api: Api, nn_id: str) -> None:
    """Show the training's progress until it has finished.

    Raises:
        DemoError: it failed or was cancelled.
    """
    shown = ""
    while True:
        run = api.call("GET", f"type/runmanager/state/train/nnid/{nn_id}/ver/1/")
        line = progress_line(run)
        if sys.stdout.isatty():
            print(f"\r{line:<99}", end="", flush=True)
        elif line != shown:
            print(line, flush=True)
        shown = line
        if run["state"] not in ("queued", "running"):
            break
        time.sleep(0.3)
    print()
    if run["state"] != "succeeded":
        raise DemoError(f"the training {run['state']}: {run.get('error') or 'no reason was given'}")


def progress_line(run: dict[str, Any]) -> str:
    """Return one line: a bar, and what is known of epoch, loss, speed and time left."""
    progress = run.get("progress") or {}
    percent = progress.get("percent") or 0
    parts = [f"{run['state']:<9} [{'█' * round(percent / 5):<20}] {percent:3.0f} %"]
    if progress.get("epoch"):
        parts.append(f"epoch {progress['epoch']}/{progress['epochs']}")
    if progress.get("loss") is not None:
        parts.append(f"loss {progress['loss']:.4f}")
    if progress.get("rows_per_second"):
        parts.append(f"{progress['rows_per_second']:,.0f} rows/s")
    if progress.get("seconds_left") is not None and run["state"] == "running":
        parts.append(f"{progress['seconds_left']:.0f} s left")
    return "  ".join(parts)


def predict_unknown(api: Api, nn_id: str, plan: Plan, suspect: str) -> None:
    """Score the interactions once more, as new ones, in which the suspect u goes by a name that was never seen."""
    numeric = plan.feeder.get("numeric_columns", ())
    u, v = plan.feeder["u_column"], plan.feeder["v_column"]
    (uploaded,) = api.call("GET", f"{SOURCE}/nnid/{nn_id}/ver/1/node/datasrc/")
    with plan.csv.open(newline="", encoding=uploaded["encoding"].replace("utf-8", "utf-8-sig")) as file:
        table = csv.DictReader(file, delimiter=uploaded["delimiter"])
        complete = (row | {u: UNKNOWN_ID} if row[u] == suspect else row for row in table if row[u] and row[v])
        rows = [_typed(row, numeric) for row in itertools.islice(complete, PREDICTED_ROWS)]
    path = f"service/state/predict/type/graphbean/nnid/{nn_id}/ver/1/"
    answer = api.call("POST", f"type/{path}", json={"input_data": rows})
    print(f"\nPredict: {len(rows):,} interactions as new ones, in which {suspect} calls itself {UNKNOWN_ID}")
    print(f"  POST …/{path}")
    show_verdicts(answer, UNKNOWN_ID)


def _typed(row: dict[str, str], numeric: list[str]) -> dict[str, Any]:
    return {name: (float(cell) if name in numeric else cell) if cell else None for name, cell in row.items()}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bin/demo", description="Train a detector on a CSV and show what it finds.")
    parser.add_argument("--graph", action="store_true", help="GraphBEAN on interactions instead of rows")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="your own data (default: the bundled records)")
    parser.add_argument("--label", metavar="COLUMN", help="column of --csv that says what is an anomaly (0/1)")
    parser.add_argument("--u", metavar="COLUMN", help="with --graph: column of --csv with the ids of one kind of node")
    parser.add_argument("--v", metavar="COLUMN", help="with --graph: column of --csv with the ids of the other kind")
    parser.add_argument("--once", action="store_true", help="stop the service afterwards, if the demo started it")
    chosen = parser.parse_args()
    if chosen.label and not chosen.csv:
        parser.error("--label names a column of the file given with --csv")
    if (chosen.u or chosen.v) and not (chosen.graph and chosen.csv):
        parser.error("--u and --v name columns of the file given with --csv, for --graph")
    if chosen.graph and chosen.csv and not (chosen.u and chosen.v):
        parser.error("--graph --csv needs --u and --v: the columns with the ids of both kinds of nodes")
    if chosen.csv and not chosen.csv.is_file():
        parser.error(f"--csv {chosen.csv}: there is no such file")
    return chosen


def plan_of(chosen: argparse.Namespace) -> Plan:
    """Return what the arguments ask for."""
    label = {"label_column": chosen.label} if chosen.label else {}
    if chosen.graph and chosen.csv:
        return Plan(chosen.csv, "graphbean", GRAPH_FEEDER | {"u_column": chosen.u, "v_column": chosen.v} | label, {})
    if chosen.graph:
        return Plan(ROOT / "examples" / "claims.csv", "graphbean", GRAPH_FEEDER | CLAIMS_FEEDER, CLAIMS_NETWORK)
    if chosen.csv:
        return Plan(chosen.csv, "autoencoder", FEEDER | label, {})
    return Plan(ROOT / "examples" / "steel.csv", "autoencoder", FEEDER | STEEL_FEEDER, STEEL_NETWORK)


def port() -> int:
    value = os.environ.get("PORT") or "8000"
    if not value.isdigit():
        raise DemoError(f"PORT must be a number from 1 to 65535, not '{value}'")
    return int(value)


def main() -> None:
    """Play the demo."""
    chosen = arguments()
    plan = plan_of(chosen)
    api = Api(port())
    started = None if api.answers() else start_service(api)
    try:
        print(f"\nEight calls to {api.url}/api/v1/")
        nn_id = define_and_train(api, plan)
        print()
        watch(api, nn_id)
        print()
        result = api.call("GET", f"type/result/nnid/{nn_id}/ver/1/")
        if plan.detector == "graphbean":
            show_graph_result(result, plan.feeder["u_column"], plan.feeder["v_column"])
            predict_unknown(api, nn_id, plan, result["top_anomalies"]["u"][0]["u"])
        else:
            show_result(result)
    finally:
        if started and chosen.once:
            started.terminate()
            started.wait(timeout=30)
    if chosen.once and started:
        print("\nThe service has been stopped.")
    else:
        stop = f" (kill {started.pid} stops it)" if started else ""
        print(f"\nThe service goes on at {api.url}/{stop}; the network is {nn_id}.")


def _fail(message: str) -> NoReturn:
    sys.exit(f"demo: {message}")


if __name__ == "__main__":
    try:
        main()
    except DemoError as error:
        _fail(str(error))
    except KeyboardInterrupt:
        _fail("interrupted")
