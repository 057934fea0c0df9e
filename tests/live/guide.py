"""The guide's eight calls as old clients make them, and what comes after."""

import json
import time
from pathlib import Path
from typing import Any

import requests

GUIDE_COLUMNS = ["PRODUCT_CD", "CUR_FAC_OP_CD", "MC_NO", "CAST_STR_NUM", "SM_STEEL_GRD", "CC_UNCOND_SF_MTH"]
PLAIN = {"Accept": "application/json"}
SESSIONS: dict[str, requests.Session] = {}
"""Services that want a token, by URL: sessions that carry one."""

NETCONF = {"learning_rate": 0.01, "iter": 10, "batch_size": 10, "examples_to_show": 10, "n_hidden": [200, 100]}


def http(base: str) -> Any:
    """Return what calls of a service are made with: requests itself, or a session with the service's token."""
    return SESSIONS.get(base, requests)


def play_guide(
    base: str, nn_id: str, csv: Path, *, feeder: dict[str, Any] | None = None, netconf: dict[str, Any] | None = None
) -> list[Any]:
    """Make the eight calls, unmodified but for the last bodies if given; return what each parsed to."""
    url = base.removeprefix("http://")
    requests = http(base)  # the calls stay as the guide has them
    answers = []

    def keep(resp: Any) -> None:
        answers.append(json.loads(resp.json()))

    keep(
        requests.post(
            "http://" + url + "/api/v1/type/common/target/nninfo/nnid/" + nn_id + "/",
            json={
                "biz_cate": "MES",
                "biz_sub_cate": "M60",
                "nn_title": "test",
                "nn_desc": "test desc",
                "use_flag": "Y",
                "dir": "autoencoder_csv",
                "config": "N",
            },
        )
    )
    keep(
        requests.post(
            "http://" + url + "/api/v1/type/common/target/nninfo/nnid/" + nn_id + "/version/",
            json={
                "nn_def_list_info_nn_id": "",
                "nn_wf_ver_info": "test version info",
                "condition": "1",
                "active_flag": "Y",
            },
        )
    )
    keep(
        requests.post(
            "http://" + url + "/api/v1/type/wf/target/init/mode/simple/" + nn_id + "/wfver/1/",
            json={"type": "autoencoder_csv"},
        )
    )
    data = (
        "http://"
        + url
        + "/api/v1/type/wf/state/framedata/src/local/form/raw/prg/source/nnid/"
        + nn_id
        + "/ver/1/node/datasrc/"
    )
    with csv.open("rb") as file:
        keep(requests.post(data, files={"test": file}))
    keep(requests.put(data, json={"type": "csv", "source_server": "local", "source_sql": "all", "preprocess": "none"}))
    keep(
        requests.post(
            "http://"
            + url
            + "/api/v1/type/wf/state/pre/detail/feed/src/frame/net/autoencoder/nnid/"
            + nn_id
            + "/ver/1/node/feed_train/",
            json=feeder
            or {"encode_column": GUIDE_COLUMNS, "vocab_size": 10, "preprocess": "frame", "embed_type": "onehot"},
        )
    )
    keep(
        requests.put(
            "http://"
            + url
            + "/api/v1/type/wf/state/netconf/detail/autoencoder/nnid/"
            + nn_id
            + "/ver/1/node/netconf_node/",
            json=netconf or NETCONF,
        )
    )
    keep(requests.post("http://" + url + "/api/v1/type/runmanager/state/train/nnid/" + nn_id + "/ver/1/"))
    return answers


class Client:
    """Plain JSON calls to a live service."""

    def __init__(self, base: str) -> None:
        self.base = f"{base}/api/v1/type/"
        self.http = http(base)

    def call(self, verb: str, path: str, **options: Any) -> requests.Response:
        return self.http.request(
            verb, self.base + path, headers=PLAIN | options.pop("headers", {}), timeout=60, **options
        )

    def get(self, path: str, **options: Any) -> Any:
        response = self.call("GET", path, **options)
        assert response.status_code == 200, response.text
        return response.json()

    def post(self, path: str, **options: Any) -> Any:
        response = self.call("POST", path, **options)
        assert response.status_code == 200, response.text
        return response.json()

    def wait(self, nn_id: str, *states: str, seconds: float = 90) -> dict[str, Any]:
        """Poll the newest run until it is in one of the states."""
        deadline = time.monotonic() + seconds
        while True:
            run: dict[str, Any] = self.get(f"runmanager/state/train/nnid/{nn_id}/ver/1/")
            if run["state"] in states:
                return run
            assert run["state"] in ("queued", "running"), run
            assert time.monotonic() < deadline, run
            time.sleep(0.1)
