"""The API as a client sees it, and the things most tests begin with."""

import importlib
import io
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from tests.algorithms.contract import steel

if TYPE_CHECKING:
    from workflows.models import Run
    from workflows.watching.log import PredictionLog

STEEL = (
    b"PRODUCT_CD,MC_NO,WEIGHT,DEFECT\n"
    b"HR,M1,10.5,0\nHR,M2,11.0,0\nCR,M1,9.5,0\nCR,M2,10.0,0\nHR,M1,10.25,0\nCR,M1,90.0,1\n"
)


@dataclass(frozen=True)
class Answer:
    """Status, parsed body and headers."""

    status: int
    body: Any
    headers: Any


@dataclass
class Api:
    """Calls under /api/v1/type/, in the plain representation unless a header says otherwise."""

    client: Client = field(default_factory=lambda: Client(raise_request_exception=False))

    def call(self, verb: str, path: str, body: Any = None, *, raw: bytes | None = None, **headers: str) -> Answer:
        headers = {"Accept": "application/json"} | {name.replace("_", "-"): value for name, value in headers.items()}
        data = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        content_type = headers.pop("Content-Type", "application/json")
        response = self.client.generic(
            verb, f"/api/v1/type/{path}", data, content_type=content_type if data else "", headers=headers
        )
        return self._answer(response)

    @staticmethod
    def _answer(response: Any) -> Answer:
        raw = b"".join(response.streaming_content) if response.streaming else response.content
        is_json = "json" in response.headers.get("Content-Type", "")
        return Answer(response.status_code, json.loads(raw) if is_json else raw, response.headers)

    def get(self, path: str, **headers: str) -> Answer:
        return self.call("GET", path, **headers)

    def post(self, path: str, body: Any = None, **options: Any) -> Answer:
        return self.call("POST", path, body, **options)

    def put(self, path: str, body: Any = None, **options: Any) -> Answer:
        return self.call("PUT", path, body, **options)

    def delete(self, path: str, body: Any = None, **options: Any) -> Answer:
        return self.call("DELETE", path, body, **options)

    def upload(self, path: str, *files: tuple[str, bytes], **fields: str) -> Answer:
        sent = {f"file{n}": SimpleUploadedFile(name, content) for n, (name, content) in enumerate(files)}
        form = {**fields, **sent}
        return self._answer(self.client.post(f"/api/v1/type/{path}", form, headers={"Accept": "application/json"}))


CLAIMS = (
    b"CLAIM,PERSON,DOCTOR,AMOUNT,KIND,FRAUD\n"
    b"1,p1,d1,10,in,No\n2,p1,d2,20,out,No\n3,p2,d1,30,in,No\n4,p3,d2,5000,in,Yes\n5,p3,,40,out,No\n"
)

NETWORK = "common/target/nninfo/nnid/steel/"
VERSIONS = f"{NETWORK}version/"
INIT = "wf/target/init/mode/simple/steel/wfver/1/"
DATA = "wf/state/framedata/src/local/form/raw/prg/source/nnid/steel/ver/1/node/datasrc/"
EVALDATA = DATA.replace("datasrc", "evaldata")
FEEDER = "wf/state/pre/detail/feed/src/frame/net/autoencoder/nnid/steel/ver/1/node/feed_train/"
NETCONF = "wf/state/netconf/detail/autoencoder/nnid/steel/ver/1/node/netconf_node/"
EVALUATION = "wf/state/eval/nnid/steel/ver/1/node/eval_node/"
TRAIN = "runmanager/state/train/nnid/steel/ver/1/"
RULES = "service/monitering/type/rule/nnid/steel/ver/1/"
HISTORY = "runmanager/state/history/nnid/steel/ver/1/"
RESULT = "result/nnid/steel/ver/1/"
PREDICT = "service/state/predict/type/anomaly/nnid/steel/ver/1/"


def place_of(prefix: str) -> Path:
    """Return where the tests' storage, a folder, has what is stored under a prefix."""
    return Path(settings.FILES_ROOT) / prefix


def vouch(artifact: Path) -> None:
    """Write the manifest of an artifact whose files a test has made."""
    from algorithms.artifacts import _write_manifest

    (artifact / "manifest.json").unlink(missing_ok=True)
    _write_manifest(artifact)


@pytest.fixture
def api(db: None) -> Api:
    return Api()


@pytest.fixture
def version(api: Api) -> Api:
    """Give the API with network steel, its version 1 and an initialised workflow."""
    assert api.post(NETWORK, {"biz_cate": "MES"}).status == 200
    assert api.post(VERSIONS, {"active_flag": "Y"}).body == 1
    assert api.post(INIT, {"type": "autoencoder_csv"}).status == 200
    return api


@pytest.fixture
def uploaded(version: Api) -> Api:
    """Give the API with steel.csv uploaded to datasrc."""
    answer = version.upload(DATA, ("steel.csv", STEEL))
    assert answer.status == 200, answer.body
    return version


@pytest.fixture
def stored_folders() -> Callable[[], set[str]]:
    """Give a function that lists the folders of uploads and runs on disk, those of other tests left out."""

    def folders() -> set[str]:
        root = Path(settings.FILES_ROOT)
        return {str(p.relative_to(root)) for kind in ("uploads", "runs", "scored") for p in (root / kind).glob("*")}

    before = folders()
    return lambda: folders() - before


GRAPH_FEEDER = FEEDER.replace("autoencoder", "graphbean")
GRAPH_NETCONF = NETCONF.replace("autoencoder", "graphbean")
GRAPH_PREDICT = PREDICT.replace("anomaly", "graphbean")


@pytest.fixture
def graph_version(api: Api) -> Api:
    """Give the API with network steel, its version 1 and an initialised graphbean workflow."""
    assert api.post(NETWORK, {}).status == 200
    assert api.post(VERSIONS, {"active_flag": "Y"}).body == 1
    assert api.post(INIT, {"type": "graphbean_csv"}).status == 200
    return api


@pytest.fixture
def claims(graph_version: Api) -> Api:
    """Give the API with claims.csv uploaded to datasrc of a graphbean workflow."""
    answer = graph_version.upload(DATA, ("claims.csv", CLAIMS))
    assert answer.status == 200, answer.body
    return graph_version


@pytest.fixture
def run(db: None) -> "Run":
    """Give a succeeded run of the active version 1 of network steel; its model was not trained, but it scores."""
    from algorithms.artifacts import write_artifact
    from algorithms.scorer import Scorer
    from algorithms.tabular.encoder import TabularEncoder
    from algorithms.tabular.params import TabularFeederParams
    from tests.algorithms.test_scorer import linear_model
    from workflows.models import Run, RunState
    from workflows.services.networks import create_network
    from workflows.services.versions import create_version

    version = create_version(create_network("steel"), active=True, workflow_type="autoencoder_csv")
    snapshot = {"workflow_type": "autoencoder_csv", "parameters": {}}
    threshold = {"value": 0.2, "rule": "fixed", "contamination": None}
    made = Run.objects.create(
        version=version, number=1, state=RunState.SUCCEEDED, snapshot=snapshot, attempts=1, threshold=threshold
    )
    encoder = TabularEncoder.fit(steel(), TabularFeederParams(), scaling="asinh")
    with write_artifact(place_of(made.artifact_prefix)) as folder:
        Scorer(linear_model(encoder.layout), encoder, "squared", threshold=0.2).save(folder)
    return made


def labelled_steel(rows: int = 300) -> bytes:
    """Return a CSV file of rows whose weight follows from their grade, but for every tenth, a defect."""
    table = steel(rows, seed=7)
    defects = np.arange(rows) % 10 == 9
    weights = table.columns["weight"] + 30.0 * defects
    lines = zip(table.columns["grade"], table.columns["temperature"], weights, defects.astype(int), strict=True)
    text = "grade,temperature,weight,DEFECT\n" + "".join("{},{:.3f},{:.3f},{}\n".format(*line) for line in lines)
    return text.encode()


def grouped_claims() -> bytes:
    """Return a CSV file of the claims of 40 persons at 8 doctors; every tenth is large, and labelled FRAUD."""
    rng = np.random.default_rng(3)
    lines = ["CLAIM,PERSON,DOCTOR,AMOUNT,FRAUD"]
    for claim in range(200):
        fraud = claim % 10 == 9
        amount = rng.gamma(4.0, 10.0) + 900.0 * fraud
        lines.append(f"{claim},p{claim % 40},d{rng.integers(8)},{amount:.2f},{'Yes' if fraud else 'No'}")
    return "\n".join([*lines, ""]).encode()


LABELLED_FEEDER = {"label_column": "DEFECT"}
GROUPED_FEEDER = {
    "u_column": "PERSON",
    "v_column": "DOCTOR",
    "numeric_columns": ["AMOUNT"],
    "label_column": "FRAUD",
}
SMALL = {"n_hidden": [4], "iter": 3, "batch_size": 32, "validation_split": 0.3}
NARROW = {"hidden_channels": 4, "latent_channels": 4, "edge_pred_latent": 4, "iter": 3}


def train_model(folder: Path, kind: str, content: bytes, parameters: dict[str, Any]) -> Path:
    """Train on a CSV file within a folder; return the artifact."""
    from algorithms.events import EventStream
    from algorithms.jobs import ConvertJob, FitJob
    from algorithms.tables.convert import convert
    from algorithms.workflow_types import WORKFLOW_TYPES

    (folder / "source.csv").write_bytes(content)
    convert(ConvertJob(source=folder / "source.csv", parquet=folder / "source.parquet"))
    job = FitJob(workflow_type=kind, tables={"datasrc": (folder / "source.parquet",)}, parameters=parameters)
    module, _, name = WORKFLOW_TYPES[kind].fit.partition(":")
    getattr(importlib.import_module(module), name)(job, folder, EventStream(io.StringIO(), 0.0))
    return folder / "artifact"


@pytest.fixture(scope="session")
def rows_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train an autoencoder of labelled rows; give its artifact."""
    parameters = {"feed_train": LABELLED_FEEDER, "netconf_node": SMALL}
    return train_model(tmp_path_factory.mktemp("rows"), "autoencoder_csv", labelled_steel(), parameters)


@pytest.fixture(scope="session")
def graph_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train a GraphBEAN of labelled claims; give its artifact."""
    parameters = {"feed_train": GROUPED_FEEDER, "netconf_node": NARROW}
    return train_model(tmp_path_factory.mktemp("graph"), "graphbean_csv", grouped_claims(), parameters)


def serve(api: Api, model: Path) -> "Run":
    """Queue a training, and end it as if it had made this model."""
    from workflows.models import Run, RunState

    answer = api.post(TRAIN)
    assert answer.status == 200, answer.body
    made = Run.objects.get(id=answer.body["id"])
    result = json.loads((model / "result.json").read_text())
    ended = {"result": result, "metrics": result["metrics"], "threshold": result["threshold"]}
    Run.objects.filter(id=made.id).update(state=RunState.SUCCEEDED, attempts=1, finished=timezone.now(), **ended)
    made.refresh_from_db()
    shutil.copytree(model, place_of(made.artifact_prefix))
    return made


@pytest.fixture
def serving_rows(version: Api, rows_model: Path) -> Api:
    """Give the API with network steel, whose version 1 serves the autoencoder."""
    assert version.upload(DATA, ("steel.csv", labelled_steel())).status == 200
    version.put(FEEDER, LABELLED_FEEDER)
    version.put(NETCONF, SMALL)
    serve(version, rows_model)
    return version


@pytest.fixture
def serving_graph(graph_version: Api, graph_model: Path) -> Api:
    """Give the API with network steel, whose version 1 serves the GraphBEAN."""
    assert graph_version.upload(DATA, ("claims.csv", grouped_claims())).status == 200
    graph_version.put(GRAPH_FEEDER, GROUPED_FEEDER)
    graph_version.put(GRAPH_NETCONF, NARROW)
    serve(graph_version, graph_model)
    return graph_version


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Give a folder of three files, one of them deeper."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for number, name in enumerate(("a", "b", "deep/c")):
        path = tmp_path / "in" / f"{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table(dict(steel(rows=50 + number, seed=number).columns)), path)
    return tmp_path / "in"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Give the list of messages that are sent from now on; they go to the broker too."""
    from workflows import tasks

    sent: list[tuple[str, ...]] = []
    delay: Callable[..., object] = tasks.score_file.delay

    def note(*arguments: str) -> object:
        sent.append(arguments)
        return delay(*arguments)

    monkeypatch.setattr(tasks.score_file, "delay", note)
    return sent


@pytest.fixture(autouse=True)
def log_switched_off(settings: Any) -> None:
    """Keep the writer of predictions, another thread, from waiting for the transaction that most tests are."""
    settings.LOG_QUEUE = 0


@pytest.fixture
def prediction_log(log_switched_off: None, settings: Any) -> "Iterator[PredictionLog]":
    """Give the log of predictions, switched on; for tests that commit."""
    from workflows.watching.log import log

    settings.LOG_QUEUE = 10_000
    yield log
    log.close(30)


def logged(log: "PredictionLog") -> None:
    """Wait until what was predicted is in the database."""
    assert log.flush(30)
