"""Ray Data, on a real local cluster of two processes, gives the scores of one process."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from algorithms.bulk import BatchScorer
from tests.algorithms.bulk.conftest import machine_rows

PROJECT = Path(__file__).parents[3]


@pytest.fixture
def environment():
    """Give an environment in which Ray keeps its files, and the token it makes, in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp") as folder:  # a short path: sockets lie in it
        yield {**os.environ, "HOME": folder, "RAY_TMPDIR": folder, "RAY_USAGE_STATS_ENABLED": "0"}


def test_ray_maps_the_scorer_over_a_folder_of_files_with_the_scores_of_one_process(artifact, tmp_path, environment):
    frame = machine_rows(3000, seed=1)
    (tmp_path / "in").mkdir()
    for number in range(4):
        frame.iloc[number * 750 : (number + 1) * 750].to_parquet(tmp_path / "in" / f"{number}.parquet", index=False)
    folders = [str(folder) for folder in (artifact, tmp_path / "in", tmp_path / "out")]
    command = [sys.executable, "-m", "examples.score_with_ray", *folders, "--cpus", "2"]

    def run():
        return subprocess.run(
            command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=120, check=False
        )

    earlier = tmp_path / "out" / "earlier.parquet"
    earlier.parent.mkdir()
    earlier.touch()
    refused = run()
    assert refused.returncode == 2
    assert "out is not empty, and Ray would add rows to it" in refused.stderr
    earlier.unlink()
    done = run()
    assert done.returncode == 0, done.stderr
    scored = pq.read_table(tmp_path / "out").sort_by("id").to_pandas()
    expected = BatchScorer(artifact)(pa.Table.from_pandas(frame, preserve_index=False)).sort_by("id").to_pandas()
    pd.testing.assert_frame_equal(scored, expected, check_exact=True)
