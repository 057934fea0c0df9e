"""How the stored artifacts were made: `python tests/data/artifacts/make.py FOLDER`, by the release that FOLDER names.

A release adds a folder of its own when the format of artifacts, or what reads them, changes; earlier folders stay as
they are. Each detector's folder has its artifact as `python -m algorithms fit` wrote it, the rows that were scored, and
the answer of that release.
"""

import importlib
import json
import subprocess
import sys
import tempfile
from itertools import islice
from pathlib import Path
from typing import Any

from algorithms.jobs import ARTIFACT_FOLDER, ConvertJob, FitJob
from algorithms.workflow_types import WORKFLOW_TYPES

REPOSITORY = Path(__file__).resolve().parents[3]
ROWS = 300
SCORED = 5
WORKFLOWS: dict[str, tuple[str, dict[str, Any]]] = {
    "autoencoder_csv": (
        "steel.csv",
        {
            "feed_train": {"encode_column": ["PRODUCT_CD", "MC_NO", "CAST_STR_NUM"]},
            "netconf_node": {"iter": 3, "n_hidden": [6]},
        },
    ),
    "graphbean_csv": (
        "claims.csv",
        {
            "feed_train": {"u_column": "BeneID", "v_column": "AttendingPhysician", "count_distinct": ["ClaimID"]},
            "netconf_node": {"iter": 3, "hidden_channels": 4, "latent_channels": 2, "edge_pred_latent": 4},
        },
    ),
}


def main(target: Path) -> None:
    for name, (csv, parameters) in WORKFLOWS.items():
        with tempfile.TemporaryDirectory() as work:
            make(target / name, Path(work), name, csv, parameters)


def make(target: Path, work: Path, name: str, csv: str, parameters: dict[str, Any]) -> None:
    with (REPOSITORY / "examples" / csv).open() as source:
        (work / csv).write_text("".join(islice(source, ROWS + 1)))
    run("convert", work / "convert", ConvertJob(source=work / csv, parquet=work / "table.parquet"))
    run(
        "fit",
        work / "fit",
        FitJob(workflow_type=name, tables={"datasrc": (work / "table.parquet",)}, parameters=parameters),
    )
    target.mkdir(parents=True)
    (work / "fit" / ARTIFACT_FOLDER).rename(target / ARTIFACT_FOLDER)
    rows = rows_of(work / "table.parquet")
    (target / "rows.json").write_text(json.dumps(rows, indent=1) + "\n")
    (target / "answer.json").write_text(json.dumps(load(target).score_rows(rows), indent=1) + "\n")


def run(task: str, folder: Path, job: Any) -> None:
    folder.mkdir()
    job.write(folder)
    subprocess.run([sys.executable, "-m", "algorithms", task, str(folder)], cwd=REPOSITORY, check=True)


def rows_of(parquet: Path) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    return [
        {name: value if isinstance(value, (int, float, str, type(None))) else str(value) for name, value in row.items()}
        for row in pq.read_table(parquet).slice(0, SCORED).to_pylist()
    ]


def load(folder: Path) -> Any:
    """Return the scorer of a stored artifact."""
    module, _, name = WORKFLOW_TYPES[folder.name].scorer.partition(":")
    return getattr(importlib.import_module(module), name).load(folder / ARTIFACT_FOLDER)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
