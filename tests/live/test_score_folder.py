"""A folder of Parquet files, scored by the real worker."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.live.conftest import REPOSITORY
from tests.live.guide import Client, play_guide

NAME = "folder"
FILES, ROWS = 6, 500


def rows(seed: int, count: int = ROWS) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    kind = rng.integers(3, size=count)
    columns = {"KIND": np.array(["x", "y", "z"], dtype=object)[kind], "N": kind + rng.normal(0, 0.1, count).round(3)}
    return pd.DataFrame(columns | {"ID": [f"{seed}-{n}" for n in range(count)]})


def train(url: str, csv: Path) -> Client:
    """Train a small model of the rows; return a client."""
    start_training(url, csv, NAME)
    client = Client(url)
    client.wait(NAME, "succeeded")
    return client


def start_training(url: str, csv: Path, name: str) -> None:
    rows(0).to_csv(csv, index=False)
    play_guide(url, name, csv, feeder={"encode_column": ["KIND", "N"]}, netconf={"iter": 2, "n_hidden": [8]})


@pytest.fixture(scope="module")
def client(service: Any, tmp_path_factory: pytest.TempPathFactory) -> Client:
    """Give a client of the service, which has trained a model of the rows."""
    return train(service.url, tmp_path_factory.mktemp("folder") / "rows.csv")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(FILES):
        rows(number + 1).to_parquet(folder / f"part-{number}.parquet", index=False)
    return folder


Score = Callable[..., "subprocess.CompletedProcess[str]"]


def score_folder(home: Path, source: Path, target: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    """Run `manage.py score_folder` as an operator does."""
    command = [sys.executable, "manage.py", "score_folder", NAME, "active", str(source), str(target), *options]
    environment = {**os.environ, "NNSERVICE_HOME": str(home), "DJANGO_SETTINGS_MODULE": "nnservice.settings"}
    return subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture
def score(service: Any, client: Client, source: Path, tmp_path: Path) -> Score:
    """Give a function that scores the folder into `out`."""
    return lambda *options: score_folder(service.home, source, tmp_path / "out", *options)


def test_every_file_gets_the_scores_of_predict(score: Score, client: Client, source: Path, tmp_path: Path) -> None:
    done = score("--wait", "--keep", "ID")
    assert done.returncode == 0, done.stderr
    assert f"{FILES} files: {FILES} scored with {FILES * ROWS:,} rows" in done.stdout
    for path in sorted(source.iterdir()):
        sent = pd.read_parquet(path)
        scored = pd.read_parquet(tmp_path / "out" / path.name)
        body = {"input_data": sent[["KIND", "N", "ID"]].to_dict("records")}
        answers = client.post(f"service/state/predict/type/anomaly/nnid/{NAME}/ver/active/", json=body)["rows"]
        assert list(scored.columns) == ["ID", "score", "anomaly", "contribution.KIND", "contribution.N"]
        assert scored["ID"].tolist() == sent["ID"].tolist()
        assert scored["score"].tolist() == [row["score"] for row in answers]
        assert scored["anomaly"].tolist() == [row["anomaly"] for row in answers]


def test_a_broken_file_fails_alone_and_is_scored_once_it_is_mended(score: Score, source: Path, tmp_path: Path) -> None:
    broken = source / "part-3.parquet"
    rows(4).assign(N="many").to_parquet(broken)
    done = score("--wait")
    assert done.returncode == 1
    assert "part-3.parquet: column N: row 1 has 'many', the model was trained on numbers" in done.stderr
    assert f"1 of {FILES} files were not scored" in done.stderr
    assert f"{FILES} files: {FILES - 1} scored with {(FILES - 1) * ROWS:,} rows" in done.stdout
    finished = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.parquet")}
    assert set(finished) == {path.name for path in source.iterdir()} - {broken.name}

    rows(4).to_parquet(broken)
    assert score().returncode == 0, "sent, and not waited for"
    done = score("--wait")
    assert done.returncode == 0, done.stderr
    assert f"{FILES} files: {FILES} scored with {FILES * ROWS:,} rows" in done.stdout
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.parquet")}
    assert after.items() >= finished.items(), "what was finished is not scored again"
    assert len(after) == FILES


def test_a_training_does_not_wait_for_the_files_that_wait(
    service: Any, client: Client, source: Path, tmp_path: Path
) -> None:
    many = 60
    for number in range(FILES, many):
        (source / f"part-{number}.parquet").hardlink_to(source / "part-0.parquet")
    out = tmp_path / "out"
    assert score_folder(service.home, source, out).returncode == 0
    start_training(service.url, tmp_path / "rows.csv", "hurry")
    client.wait("hurry", "running", "succeeded")
    assert len(list(out.glob("*.parquet"))) < many
    shutil.rmtree(out, ignore_errors=True)
    client.wait("hurry", "succeeded")


def test_a_file_whose_worker_is_stopped_is_scored_by_the_next_one(
    start_service: Callable[..., Any], wait_for: Callable[..., None], tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    pd.concat([rows(1)] * 3000).to_parquet(tmp_path / "in" / "long.parquet", index=False)
    out = tmp_path / "out"
    service = start_service(tmp_path / "home")
    service.wait_until_ready()
    train(service.url, tmp_path / "rows.csv")
    assert score_folder(service.home, tmp_path / "in", out).returncode == 0
    wait_for(lambda: any(out.glob(".*.part")), seconds=60)
    assert service.stop() == 0
    assert not (out / "long.parquet").exists()
    start_service(tmp_path / "home").wait_until_ready()
    wait_for((out / "long.parquet").exists, seconds=60)
    assert len(pd.read_parquet(out / "long.parquet", columns=["score"])) == 3000 * ROWS
