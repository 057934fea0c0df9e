"""Files that a real worker scores, interrupted."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.live.guide import Client, play_guide
from tests.live.test_runs import CSV, FEEDER, SHORT

ROWS = 4_000_000
"""A file that takes seconds to score."""
PATIENCE = 60
BATCH = "service/state/batch/nnid/{}/ver/1/"


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path_factory.mktemp("large") / "rows.parquet"
    numbers = np.arange(ROWS)
    texts = {name: np.array([f"{name.lower()}{n}" for n in range(kinds)]) for name, kinds in (("A", 3), ("B", 5))}
    columns = {name: pa.DictionaryArray.from_arrays(numbers % len(kinds), kinds) for name, kinds in texts.items()}
    pq.write_table(pa.table({**columns, "N": numbers % 7 + 0.5}), path)
    return path


@pytest.fixture
def until(wait_for: Callable[..., None]) -> Callable[..., None]:
    """Give a function that waits until something holds."""
    return partial(wait_for, seconds=PATIENCE)


@pytest.fixture
def client(service: Any) -> Client:
    return Client(service.url)


def in_the_middle(client: Client, service: Any, name: str, large: Path, until: Callable[..., None]) -> str:
    """Have a network score a large file; return the id of the job when a part of it is done."""
    (large.parent / f"{name}.csv").write_text(CSV)
    play_guide(service.url, name, large.parent / f"{name}.csv", feeder=FEEDER, netconf=SHORT)
    client.wait(name, "succeeded")
    with large.open("rb") as file:
        job: str = client.post(BATCH.format(name), files={"file": file})["id"]
    path = f"{BATCH.format(name)}batch/1/"
    until(lambda: client.get(path)["progress"]["percent"] > 0)
    assert client.get(path)["state"] == "running"
    return job


def test_a_job_that_is_cancelled_while_it_scores_ends_and_the_next_is_scored(
    client: Client, service: Any, large: Path, until: Callable[..., None]
) -> None:
    job = in_the_middle(client, service, "cancelled-scoring", large, until)
    path = f"{BATCH.format('cancelled-scoring')}batch/1/"
    assert client.call("DELETE", path).json()["state"] == "cancelled"
    stored = service.home / "files" / "scored" / job
    until(lambda: not stored.exists() or {found.name for found in stored.iterdir()} <= {"run.log"})
    client.post(BATCH.format("cancelled-scoring"), json={"file": "cancelled-scoring.csv"})
    until(lambda: client.get(path.replace("batch/1/", "batch/2/"))["state"] == "succeeded")
    assert client.get(path)["state"] == "cancelled"


def test_a_version_that_is_deleted_while_it_scores_takes_the_job_with_it(
    client: Client, service: Any, large: Path, until: Callable[..., None]
) -> None:
    job = in_the_middle(client, service, "deleted-scoring", large, until)
    answer = client.call("DELETE", "common/target/nninfo/nnid/deleted-scoring/")
    assert answer.status_code == 200, answer.text
    stored = service.home / "files" / "scored" / job
    until(lambda: not stored.exists())
    until(lambda: not any((service.home / "jobs").glob(f"*{job}*")))
