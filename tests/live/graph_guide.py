"""Calls to one network with a graphbean workflow, and the claims it is trained on."""

import csv
import io
import random
from collections.abc import Iterable, Sequence
from typing import Any

import requests

from tests.live.guide import Client

FEEDER = {
    "u_column": "PERSON",
    "v_column": "DOCTOR",
    "count_distinct": ["CLAIM"],
    "numeric_columns": ["PAID"],
    "encode_column": ["KIND"],
    "label_column": "FRAUD",
}
NETCONF = {"iter": 8, "hidden_channels": 8, "latent_channels": 4, "edge_pred_latent": 4}
HEADER = ("CLAIM", "PERSON", "DOCTOR", "PAID", "KIND", "FRAUD")

Row = Sequence[Any]


def claims(rows: int = 400, seed: int = 0) -> list[Row]:
    """Return claims of persons "000" to "059" at 12 doctors; the last 20, a dense and dear block, are the frauds."""
    rng = random.Random(seed)
    honest = [
        (n, f"{rng.randrange(60):03}", f"d{rng.randrange(12)}", round(rng.gauss(100, 20), 2), rng.choice("abc"), "No")
        for n in range(rows - 20)
    ]
    frauds = [(rows - 20 + n, f"{n // 4:03}", f"d{n % 4}", 900.5 + n, "c", "Yes") for n in range(20)]
    return [*honest, *frauds]


def csv_of(rows: Iterable[Row], header: Sequence[str] = HEADER) -> str:
    """Return a CSV file."""
    buffer = io.StringIO()
    csv.writer(buffer).writerows([header, *rows])
    return buffer.getvalue()


class GraphClient(Client):
    """Plain JSON calls to version 1 of a network whose workflow is graphbean's."""

    def __init__(self, base: str, name: str) -> None:
        super().__init__(base)
        self.name = name
        of_node = f"nnid/{name}/ver/1/node"
        self.data = f"wf/state/framedata/src/local/form/raw/prg/source/{of_node}/datasrc/"
        self.evaldata = self.data.replace("datasrc", "evaldata")
        self.feeder = f"wf/state/pre/detail/feed/src/frame/net/graphbean/{of_node}/feed_train/"
        self.netconf = f"wf/state/netconf/detail/graphbean/{of_node}/netconf_node/"
        self.training = f"runmanager/state/train/nnid/{name}/ver/1/"
        self.result = f"result/nnid/{name}/ver/1/"
        self.scores = f"{self.result}scores/"

    def create(self) -> None:
        """Make the network, its version and the workflow."""
        self.post(f"common/target/nninfo/nnid/{self.name}/", json={"dir": "graphbean_csv"})
        self.post(f"common/target/nninfo/nnid/{self.name}/version/", json={"active_flag": "Y"})
        self.post(f"wf/target/init/mode/simple/{self.name}/wfver/1/", json={"type": "graphbean_csv"})

    def upload(self, table: str, *, node: str = "datasrc", name: str = "claims.csv") -> Any:
        """Upload a CSV file."""
        return self.post(self.data.replace("datasrc", node), files={"file": (name, table)})

    def put(self, path: str, body: dict[str, Any]) -> Any:
        """Set parameters that the service must take."""
        response = self.call("PUT", path, json=body)
        assert response.status_code == 200, response.text
        return response.json()

    def train(self, state: str = "succeeded", *, seconds: float = 120) -> dict[str, Any]:
        """Start a run and wait until it ends in the state."""
        started = self.post(self.training)
        run = self.wait(self.name, "succeeded", "failed", seconds=seconds)
        assert (run["id"], run["state"]) == (started["id"], state), run
        return run

    def predict(self, rows: Any) -> requests.Response:
        """Ask for verdicts on interactions."""
        path = f"service/state/predict/type/graphbean/nnid/{self.name}/ver/active/"
        return self.call("POST", path, json={"input_data": rows})


def json_rows(rows: Iterable[Row], header: Sequence[str] = HEADER) -> list[dict[str, Any]]:
    """Return claims as the interactions of a prediction."""
    return [dict(zip(header, row, strict=True)) for row in rows]
