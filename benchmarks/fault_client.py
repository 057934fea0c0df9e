"""Who uses the service while faults happen: networks that are made, trained, cancelled and deleted again and again."""

import csv
import io
import random
import threading
from collections import Counter
from typing import Any

import requests

PLAIN = {"Accept": "application/json"}
AUTOENCODER = {"type": "autoencoder_csv"}, {"n_hidden": [16, 4], "iter": 300}
GRAPHBEAN = (
    {"type": "graphbean_csv"},
    {"iter": 60, "hidden_channels": 8, "latent_channels": 4, "edge_pred_latent": 4},
)
GRAPH_FEEDER = {"u_column": "A", "v_column": "B", "numeric_columns": ["N"], "label_column": "L"}
EXPECTED = (200, 404, 409, 429, 503, 507)
"""What a client may hear while faults happen; anything else is a failure of the service."""


def table(rows: int = 400, seed: int = 0) -> str:
    """Return a CSV file that both detectors can be trained on."""
    rng = random.Random(seed)
    lines = [[f"a{rng.randrange(40)}", f"b{rng.randrange(9)}", round(rng.gauss(5, 1), 3), 0] for _ in range(rows)]
    lines += [[f"a{n % 3}", "b8", 90 + n, 1] for n in range(5)]
    text = io.StringIO()
    csv.writer(text).writerows([["A", "B", "N", "L"], *lines])
    return text.getvalue()


class Client(threading.Thread):
    """Trains one network over and over; `accepted` are the runs that the service took on."""

    def __init__(self, url: str, name: str, *, graph: bool) -> None:
        super().__init__(name=f"client of {name}", daemon=True)
        self.network = name
        self.accepted: list[str] = []
        self.deleted: set[str] = set()
        self.cancelled: set[str] = set()
        self.answers: Counter[int] = Counter()
        self.odd: list[str] = []
        self._api = f"{url}/api/v1/type"
        self.headers = dict(PLAIN)
        self._graph = graph
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._csv = table()

    @property
    def training(self) -> str:
        return f"runmanager/state/train/nnid/{self.network}/ver/1/"

    def run(self) -> None:
        """Make the network if it is not there, train, wait, and again, until `end`."""
        while not self._ended.is_set():
            if self.start_run() is None:
                self.make()
            self._ended.wait(0.7)

    def end(self) -> None:
        """Start no further runs."""
        self._ended.set()
        self.join(60)

    def start_run(self) -> str | None:
        """Ask for a training unless one is open; None if the network is not ready for it."""
        with self._lock:
            answer = self.call("POST", self.training)
            if answer is None:
                return ""
            if answer.status_code == 200:
                self.accepted.append(answer.json()["id"])
                return self.accepted[-1]
            return None if answer.status_code in (404, 422) else ""

    def make(self) -> None:
        """Make whatever is missing of the network."""
        chain, netconf = GRAPHBEAN if self._graph else AUTOENCODER
        kind = "graphbean" if self._graph else "autoencoder"
        name, of_node = self.network, f"nnid/{self.network}/ver/1/node"
        self.call("POST", f"common/target/nninfo/nnid/{name}/", json={})
        versions = self.call("GET", f"common/target/nninfo/nnid/{name}/version/")
        if versions is not None and versions.status_code == 200 and not versions.json():
            self.call("POST", f"common/target/nninfo/nnid/{name}/version/", json={})
        self.call("POST", f"wf/target/init/mode/simple/{name}/wfver/1/", json=chain)
        self.call("PUT", f"wf/state/netconf/detail/{kind}/{of_node}/netconf_node/", json=netconf)
        if self._graph:
            path = f"wf/state/pre/detail/feed/src/frame/net/graphbean/{of_node}/feed_train/"
            self.call("POST", path, json=GRAPH_FEEDER)
        self.upload()

    def upload(self) -> requests.Response | None:
        """Upload the data."""
        path = f"wf/state/framedata/src/local/form/raw/prg/source/nnid/{self.network}/ver/1/node/datasrc/"
        return self.call("POST", path, files={"file": ("rows.csv", self._csv)})

    def cancel(self) -> bool:
        """Cancel the open run; False if there was none, or nobody to ask."""
        with self._lock:
            answer = self.call("DELETE", self.training)
            if answer is None or answer.status_code != 200:
                return False
            body = answer.json()
            if body["state"] == "cancelled":
                self.cancelled.add(body["id"])
            elif body["state"] in ("queued", "running"):
                self.odd.append(f"cancelled, yet {body}")
            return True

    def delete(self) -> bool:
        """Cancel the open run and delete the network."""
        self.cancel()
        with self._lock:
            answer = self.call("DELETE", f"common/target/nninfo/nnid/{self.network}/")
            if answer is None or answer.status_code == 503:
                self.deleted |= set(self.accepted)  # it may have been deleted: nobody can tell by the answer
                return False
            if answer.status_code == 200:
                self.deleted |= set(self.accepted)
            return answer.status_code == 200

    def call(self, verb: str, path: str, **options: Any) -> requests.Response | None:
        """Ask the service; None if nobody answers."""
        try:
            answer = requests.request(verb, f"{self._api}/{path}", headers=self.headers, timeout=60, **options)
        except requests.RequestException:
            return None
        self.answers[answer.status_code] += 1
        if answer.status_code not in EXPECTED and answer.status_code not in (400, 422):
            self.odd.append(f"{verb} {path}: {answer.status_code} {answer.text[:300]}")
        return answer
