"""A model that was trained on enough rows for drift to be told."""

import io
import json
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from algorithms.events import EventStream
from algorithms.jobs import FitJob
from tests.algorithms.contract import steel
from tests.workflows.conftest import place_of
from workflows.models import Run, RunState
from workflows.services.networks import create_network
from workflows.services.versions import create_version


@pytest.fixture(scope="session")
def trained_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train a small model of 3,000 rows of steel; return its artifact."""
    from algorithms.autoencoder.job import fit

    folder = tmp_path_factory.mktemp("trained")
    pq.write_table(pa.table(dict(steel(rows=3000).columns)), folder / "steel.parquet")
    job = FitJob(
        workflow_type="autoencoder_csv",
        tables={"datasrc": (folder / "steel.parquet",)},
        parameters={"netconf_node": {"n_hidden": [6, 3], "iter": 5}},
    )
    fit(job, folder, EventStream(io.StringIO(), 0.0))
    return folder / "artifact"


@pytest.fixture
def trained_run(db: None, trained_model: Path) -> Run:
    """Give a succeeded run of the active version 1 of network steel, with the trained model."""
    version = create_version(create_network("steel"), active=True, workflow_type="autoencoder_csv")
    snapshot = {"workflow_type": "autoencoder_csv", "parameters": {}}
    result = json.loads((trained_model / "result.json").read_text())
    made = Run.objects.create(
        version=version,
        number=1,
        state=RunState.SUCCEEDED,
        snapshot=snapshot,
        attempts=1,
        threshold=result["threshold"],
        result=result,
    )
    shutil.copytree(trained_model, place_of(made.artifact_prefix))
    return made
