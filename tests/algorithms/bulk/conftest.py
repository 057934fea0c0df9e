"""A model trained on numbers, categories, codes and dates, and rows for it."""

import io
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

from algorithms.artifacts import write_artifact

ROWS = 600


def machine_rows(rows=ROWS, seed=0):
    """Return a data frame with a column of each kind, an id and a site that no model uses, and some missing cells."""
    rng = np.random.default_rng(seed)
    state = rng.integers(3, size=rows)
    frame = pd.DataFrame(
        {
            "id": [f"M-{n}" for n in range(rows)],
            "site": ["Ulsan"] * rows,
            "state": np.array(["idle", "busy", "down"], dtype=object)[state],
            "shift": rng.integers(1, 4, rows).astype(float),
            "open": np.where(rng.random(rows) < 0.3, "true", "false").astype(object),
            "batch": (10**17 + rng.integers(3, size=rows)).astype(str).astype(object),
            "heat": 20.0 + 30 * state + rng.normal(0, 2, rows),
            "count": rng.poisson(5 * (state + 1)).astype(float),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 200, rows) * 37, unit="h"),
        }
    )
    frame.loc[rng.choice(rows, 20, replace=False), "heat"] = np.nan
    frame.loc[rng.choice(rows, 20, replace=False), "state"] = None
    return frame


@pytest.fixture(scope="session")
def frame():
    return machine_rows()


@pytest.fixture(scope="session")
def artifact(frame, tmp_path_factory):
    """Give the artifact folder of a model trained on the rows."""
    from algorithms.autoencoder.detector import AutoencoderDetector
    from algorithms.autoencoder.params import AutoencoderParams
    from algorithms.tabular.params import TabularFeederParams
    from algorithms.tabular.table import Table

    feeder = TabularFeederParams(exclude_column=("id",), categorical_column=("shift",))
    detector = AutoencoderDetector(AutoencoderParams(hidden=(32, 16), epochs=2), feeder).fit(Table.from_frame(frame))
    folder = tmp_path_factory.mktemp("bulk") / "artifact"
    with write_artifact(folder) as partial:
        detector.write(partial)
    return folder


@pytest.fixture(scope="session")
def trained(frame, tmp_path_factory):
    """Give the artifact folder of a training job on the rows: all that the service keeps of it."""
    from algorithms.autoencoder.job import fit
    from algorithms.events import EventStream
    from algorithms.jobs import FitJob

    folder = tmp_path_factory.mktemp("trained")
    frame.to_parquet(folder / "rows.parquet")
    job = FitJob(
        workflow_type="autoencoder_csv",
        tables={"datasrc": (folder / "rows.parquet",)},
        parameters={
            "feed_train": {"exclude_column": ["id"], "categorical_column": ["shift"]},
            "netconf_node": {"n_hidden": [32, 16], "iter": 2},
        },
    )
    fit(job, folder, EventStream(io.StringIO()))
    return folder / "artifact"


class ScoredFile(NamedTuple):
    """What came of a scoring job: the fields of `finished`, its events, its artifact folder."""

    finished: dict[str, Any]
    events: list[dict[str, Any]]
    artifact: Path

    @property
    def summary(self):
        return json.loads((self.artifact / "summary.json").read_text())

    @property
    def parquet(self):
        return pd.read_parquet(self.artifact / "scores.parquet")


@pytest.fixture
def score(trained, tmp_path):
    """Give a function that scores a file, or a data frame written as one, in a folder of its own."""
    from algorithms.bulk.score_file import score_file
    from algorithms.events import EventStream
    from algorithms.jobs import ScoreFileJob

    def run(source, file_format="parquet", *, artifact=trained, rule=None, value=0.5, **options):
        folder = tmp_path / f"job {len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        if isinstance(source, pd.DataFrame):
            rows, source = source, folder / f"rows.{file_format}"
            rows.to_parquet(source) if file_format == "parquet" else rows.to_csv(source, index=False)
        verdict = {"rule": rule or {"rule": "fixed"}, "value": value}
        job = ScoreFileJob(
            artifact=artifact, workflow_type="autoencoder_csv", source=source, format=file_format, verdict=verdict,
            **options,
        )  # fmt: skip
        stream = io.StringIO()
        finished = score_file(job, folder, EventStream(stream, min_interval=0.0))
        return ScoredFile(finished, [json.loads(line) for line in stream.getvalue().splitlines()], folder / "artifact")

    return run


@pytest.fixture
def nothing_left(tmp_path):
    """Fail if a job of the test left an artifact, or a part of one."""
    yield
    assert not list(tmp_path.glob("job */artifact*"))
    assert not list(tmp_path.glob("job */kept*"))
