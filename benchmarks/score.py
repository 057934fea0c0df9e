"""Scoring a file: rows a second and peak memory of the job, in one piece and in parts, beside PyOD's AutoEncoder."""

import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from algorithms.jobs import ARTIFACT_FOLDER, FitJob, ScoreFileJob
from benchmarks.generated import LABEL, Rows, blocks
from benchmarks.report import machine, parser, print_table, write_json
from benchmarks.scale import REPOSITORY, run_child

ROWS, TRAIN_ROWS, CSV_ROWS, PEER_ROWS = 10_000_000, 100_000, 500_000, 500_000
PART_ROWS = 50_000
"""Rows of a row group of a part; other ones than the whole file has."""
PARTS = (0.37, 0.12, 0.51)
"""Shares of the rows that are scored again as files of their own."""
COLUMNS = {
    "what": "what",
    "rows": "rows",
    "rows_per_second": "rows/s",
    "seconds": "s in all",
    "peak_gigabytes": "peak GB",
}


def main(argv: Sequence[str]) -> None:
    """Score generated rows of 30 columns by the service's scoring job, in the process that the service starts.

    The model has the service's default network and is trained on 100,000 of the rows, evenly chosen. Rows/s count
    everything from the start of the process to its end: starting Python, reading, scoring, percentiles, three drivers a
    row, the tally of the drift, the verdicts, arrays and the Parquet file, their digests, and having all of it on the
    disk. Peak memory is the largest resident size that the kernel saw of the process, libraries included.

    Then the same rows are scored in three parts, each a file and a process of its own, and the first of them as CSV:
    every score must have the same bits. Last, PyOD's AutoEncoder with the same widths, trained on the same rows and
    given our features, already encoded and in memory, as float32: its time is that of decision_function alone.
    """
    arguments = parser("score", f"{__doc__}\n\n{main.__doc__}")
    arguments.add_argument("--rows", type=int, default=ROWS, help=f"default {ROWS:,}")
    arguments.add_argument("--peer-rows", type=int, default=PEER_ROWS, help=f"for PyOD (default {PEER_ROWS:,})")
    arguments.add_argument("--csv-rows", type=int, default=CSV_ROWS, help=f"as CSV (default {CSV_ROWS:,})")
    arguments.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="default: all cores")
    options = arguments.parse_args(argv)
    described = machine()
    with tempfile.TemporaryDirectory(prefix="bench-score-") as name:
        folder = Path(name)
        table = folder / "rows.parquet"
        _aside(write_rows, table, options.rows)
        artifact = _trained(folder, table, max(options.rows // TRAIN_ROWS, 1), options.threads)
        runs = [_measured("Parquet, whole", artifact, table, "parquet", options.rows, options.threads)]
        scores = runs[0].pop("scores")
        differences = 0
        for number, (first, last) in enumerate(_bounds(options.rows), start=1):
            part = folder / "part.parquet"
            _aside(write_part, part, table, first, last)
            what = f"Parquet, part {number} of {len(PARTS)}"
            runs.append(_measured(what, artifact, part, "parquet", last - first, options.threads))
            differences += int((runs[-1].pop("scores") != scores[first:last]).sum())
        rows = min(options.csv_rows, options.rows)
        _aside(write_rows, folder / "rows.csv", rows)
        runs.append(_measured("CSV", artifact, folder / "rows.csv", "csv", rows, options.threads))
        differences += int((runs[-1].pop("scores") != scores[:rows]).sum())
        peers = _peers(artifact, folder / "train.parquet", table, min(options.peer_rows, options.rows))
    print(f"{options.threads} threads\n")
    print_table(list(COLUMNS.values()), [[run[column] for column in COLUMNS] for run in [*runs, *peers]])
    print(f"\nscores that differ between the whole file and its parts or the CSV file: {differences}")
    result = {"threads": options.threads, "runs": runs, "peers": peers, "scores_that_differ": differences}
    write_json(options.json, "score", described, result)


def _aside(function: Callable[..., None], *arguments: Any) -> None:
    """Call a function in a process of its own: what the peak of a child counts begins with that of this process."""
    process = multiprocessing.get_context("spawn").Process(target=function, args=arguments)
    process.start()
    process.join()
    if process.exitcode:
        sys.exit(f"{function.__name__} failed")


def write_rows(path: Path, rows: int) -> None:
    """Write generated rows, as Parquet or CSV, without their label and with one number more."""
    import pyarrow as pa
    import pyarrow.csv as pacsv
    import pyarrow.parquet as pq

    writer: Any = None
    for block in blocks(rows):
        table = pa.table({name: pa.array(values, from_pandas=True) for name, values in _without_label(block).items()})
        table = table.set_column(0, "time", table.column("time").cast(pa.timestamp("us")))
        if writer is None and path.suffix == ".csv":
            writer = pacsv.CSVWriter(path, table.schema, write_options=pacsv.WriteOptions(quoting_style="none"))
        elif writer is None:
            writer = pq.ParquetWriter(path, table.schema, use_dictionary=["branch", "article"])
        writer.write_table(table)
    writer.close()


def write_part(path: Path, whole: Path, first: int, last: int) -> None:
    """Write the rows of a Parquet file from `first` to before `last` as one of their own."""
    _write_chosen(path, whole, lambda rows: (first <= rows) & (rows < last))


def write_sample(path: Path, whole: Path, every: int) -> None:
    """Write every so many-th row of a Parquet file as one of their own."""
    _write_chosen(path, whole, lambda rows: rows % every == 0)


def _write_chosen(path: Path, whole: Path, chosen: Callable[[NDArray[np.int64]], NDArray[np.bool_]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    first = 0
    with pq.ParquetFile(whole) as file, pq.ParquetWriter(path, file.schema_arrow) as writer:
        for batch in file.iter_batches(PART_ROWS):
            rows = pa.Table.from_batches([batch]).filter(chosen(np.arange(first, first + batch.num_rows)))
            if rows.num_rows:
                writer.write_table(rows)
            first += batch.num_rows


def _without_label(block: Rows) -> Rows:
    columns = {name: values for name, values in block.items() if name != LABEL}
    return {**columns, "balance": (block["amount_0"] - block["turnover"]).round(2)}


def _trained(folder: Path, table: Path, every: int, threads: int) -> Path:
    """Return the artifact of a model trained on every so many-th row."""
    sample = folder / "train.parquet"
    _aside(write_sample, sample, table, every)
    job = folder / "training"
    job.mkdir()
    FitJob(workflow_type="autoencoder_csv", tables={"datasrc": (sample,)}, parameters={}, threads=threads).write(job)
    run_child("fit", job, threads)
    return job / ARTIFACT_FOLDER


def _measured(
    what: str, artifact: Path, source: Path, file_format: Literal["csv", "parquet"], rows: int, threads: int
) -> dict[str, Any]:
    """Score a file in a process as the service starts it; return what it took, and the scores."""
    rule, value = _rule_of(artifact)
    with tempfile.TemporaryDirectory(prefix="job-", dir=source.parent) as name:
        folder = Path(name)
        ScoreFileJob(
            artifact=artifact,
            workflow_type="autoencoder_csv",
            source=source,
            format=file_format,
            verdict={"rule": rule, "value": value},
            sample_rows=1000,
            threads=threads,
        ).write(folder)
        began = time.perf_counter()
        peak_bytes = run_child("score_file", folder, threads)
        seconds = time.perf_counter() - began
        scores = np.load(folder / ARTIFACT_FOLDER / "score.npy")
        summary = json.loads((folder / ARTIFACT_FOLDER / "summary.json").read_text())
    if len(scores) != rows:
        sys.exit(f"{len(scores)} rows were scored of {rows}")
    run = {
        "what": what,
        "rows": rows,
        "columns": len(summary["columns"]),
        "anomalies": summary["anomalies"],
        "rows_per_second": rows / seconds,
        "seconds": seconds,
        "peak_gigabytes": peak_bytes / 1e9,
        "scores": scores,
    }
    print(json.dumps({key: value for key, value in run.items() if key != "scores"}), file=sys.stderr)
    return run


def _rule_of(artifact: Path) -> tuple[dict[str, Any], float]:
    """Return the rule that the training chose its threshold by, and the threshold."""
    threshold = json.loads((artifact / "result.json").read_text())["threshold"]
    rule = {name: value for name, value in threshold.items() if name != "value" and value is not None}
    return rule, threshold["value"]


def _bounds(rows: int) -> list[tuple[int, int]]:
    ends = [round(rows * share) for share in np.cumsum(PARTS)]
    return list(zip([0, *ends[:-1]], [*ends[:-1], rows], strict=True))


def _peers(artifact: Path, train: Path, table: Path, rows: int) -> list[dict[str, Any]]:
    """Return what PyOD measured of itself, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.score_peers", str(artifact), str(train), str(table), str(rows)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"PyOD failed:\n{done.stderr}")
    peers: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return peers


if __name__ == "__main__":
    main(sys.argv[1:])
