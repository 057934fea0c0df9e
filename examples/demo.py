"""Train an anomaly detector through the API, in eight calls, and show what it finds.

bin/demo                                the bundled steel records
bin/demo --csv FILE --label COLUMN      your own CSV; its label (0/1) only measures
bin/demo --once                         stop the service afterwards
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

import requests

ROOT = Path(__file__).resolve().parent.parent
STEEL = ROOT / "examples" / "steel.csv"
START_SECONDS = 180
TOP_COLUMNS = 3
"""Columns named for each anomalous row: those with the largest shares of its score."""

DATA_SOURCE = {"type": "csv", "source_server": "local", "source_sql": "all", "preprocess": "none"}
FEEDER = {"vocab_size": 10, "preprocess": "frame", "embed_type": "onehot"}
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


def define_and_train(api: Api, csv: Path, feeder: dict[str, Any], network: dict[str, Any]) -> str:
    """Make the eight calls; return the id of the network, whose version 1 is in training afterwards."""
    describe = {
        "biz_cate": "MES",
        "biz_sub_cate": "M60",
        "nn_title": "demo",
        "nn_desc": f"bin/demo on {csv.name}",
        "use_flag": "Y",
        "dir": "autoencoder_csv",
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
    source = f"type/wf/state/framedata/src/local/form/raw/prg/source/{of_node}/datasrc/"
    feed = f"type/wf/state/pre/detail/feed/src/frame/net/autoencoder/{of_node}/feed_train/"
    _step(api, 2, "version", "POST", f"type/common/target/nninfo/nnid/{nn_id}/version/", json=version)
    init = f"type/wf/target/init/mode/simple/{nn_id}/wfver/1/"
    _step(api, 3, "workflow", "POST", init, json={"type": "autoencoder_csv"})
    with csv.open("rb") as file:
        _step(api, 4, "upload", "POST", source, files={"test": (csv.name, file)})
    _step(api, 5, "data source", "PUT", source, json=DATA_SOURCE)
    _step(api, 6, "data feeder", "POST", feed, json=FEEDER | feeder)
    netconf = f"type/wf/state/netconf/detail/autoencoder/{of_node}/netconf_node/"
    _step(api, 7, "network parameters", "PUT", netconf, json=network)
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


def show_result(result: dict[str, Any]) -> None:
    """Print the metrics, the threshold and the most anomalous rows with the columns that make them so."""
    print("Metrics")
    for name, value in result["metrics"].items():
        if isinstance(value, int | float) and not isinstance(value, bool):
            print(f"  {name:<28}{value:,.4f}" if isinstance(value, float) else f"  {name:<28}{value:,}")
        elif name == "confusion_matrix":
            print(f"  {name:<28}{readable(value)}")
    threshold = result["threshold"]
    print(f"\nThreshold  {threshold['value']:.4f}  (rule: {threshold['rule']}; a higher score is an anomaly)")
    print(f"\nThe {len(result['top_anomalies'])} most anomalous rows, and the columns that make them so")
    for found in result["top_anomalies"]:
        label = "" if found.get("label") is None else f"  label {found['label']}"
        print(f"  row {found['row']:<8,} score {found['score']:<10,.4f}{label}")
        largest = sorted(found["contributions"].items(), key=lambda item: -item[1])[:TOP_COLUMNS]
        for column, contribution in largest:
            share = contribution / found["score"] if found["score"] else 0.0
            actual = readable(found["values"].get(column))
            expected = readable(found["expected"].get(column))
            print(f"    {share:4.0%}  {column[:30]:<30} is {actual[:22]:<22} expected {expected[:22]}")


def readable(value: Any) -> str:
    """Return a value as a person writes it."""
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {readable(count)}" for name, count in value.items())
    return "empty" if value is None else str(value)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bin/demo", description="Train a detector on a CSV and show what it finds.")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="your own data (default: the bundled steel records)")
    parser.add_argument("--label", metavar="COLUMN", help="column of --csv that says what is an anomaly (0/1)")
    parser.add_argument("--once", action="store_true", help="stop the service afterwards, if the demo started it")
    chosen = parser.parse_args()
    if chosen.label and not chosen.csv:
        parser.error("--label names a column of the file given with --csv")
    if chosen.csv and not chosen.csv.is_file():
        parser.error(f"--csv {chosen.csv}: there is no such file")
    return chosen


def port() -> int:
    value = os.environ.get("PORT") or "8000"
    if not value.isdigit():
        raise DemoError(f"PORT must be a number from 1 to 65535, not '{value}'")
    return int(value)


def main() -> None:
    """Play the demo."""
    chosen = arguments()
    api = Api(port())
    started = None if api.answers() else start_service(api)
    try:
        if chosen.csv:
            feeder, network = ({"label_column": chosen.label} if chosen.label else {}), {}
        else:
            feeder, network = STEEL_FEEDER, STEEL_NETWORK
        print(f"\nEight calls to {api.url}/api/v1/")
        nn_id = define_and_train(api, chosen.csv or STEEL, feeder, network)
        print()
        watch(api, nn_id)
        print()
        show_result(api.call("GET", f"type/result/nnid/{nn_id}/ver/1/"))
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
