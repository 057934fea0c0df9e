"""The autoencoder over 10^4 to 10^7 rows: seconds a row trained, peak memory, quality, in memory and streaming."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from algorithms.jobs import ARTIFACT_FOLDER, RESULT_FILE, FitJob
from benchmarks.generated import LABEL, write_parquet
from benchmarks.report import machine, parser, print_table, write_json

REPOSITORY = Path(__file__).resolve().parents[1]
SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
MOST_REPEATED = 100_000
"""Rows of which an epoch is so short that other load may spoil all of it."""
MODES = {"memory": None, "streaming": 0}
"""How the rows wait → the memory they are told of."""
COLUMNS = {
    "rows": "rows",
    "mode": "mode",
    "rows_per_second": "trained rows/s",
    "microseconds_a_row": "µs a row",
    "prepared_rows_per_second": "prepared rows/s",
    "scored_rows_per_second": "scored rows/s",
    "seconds": "s in all",
    "peak_gigabytes": "peak GB",
    "roc_auc": "ROC-AUC",
    "average_precision": "AP",
}


def main(argv: Sequence[str]) -> None:
    """Run the service's training process on generated rows, 30 columns and a label, at a fixed number of epochs.

    Rows/s and µs a row are the median of the epochs from the second on, prepared rows/s those of the statistics and of
    the encoding, scored rows/s those of the scores of all rows. Peak memory is the largest resident size that the
    kernel saw of the process, libraries included. One category has 100 values and another 1,000, all kept. With few
    rows, whose epochs other load may spoil altogether, the fastest of several trainings counts.
    """
    arguments = parser("scale", f"{__doc__}\n\n{main.__doc__}")
    arguments.add_argument("--rows", type=int, action="append", help=f"default: {', '.join(map(str, SIZES))}")
    arguments.add_argument("--mode", action="append", choices=list(MODES), help="default: both")
    arguments.add_argument("--epochs", type=int, default=3, help="default 3")
    arguments.add_argument("--rounds", type=int, default=3, help="trainings of up to 100,000 rows (default 3)")
    arguments.add_argument("--batch", type=int, default=1024, help="rows a step (default 1,024)")
    arguments.add_argument("--vocab-size", type=int, default=1000, help="categories kept (default 1,000: all)")
    arguments.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="default: all cores")
    options = arguments.parse_args(argv)
    described = machine()
    parameters = {
        "feed_train": {"label_column": LABEL, "vocab_size": options.vocab_size},
        "netconf_node": {"iter": options.epochs, "batch_size": options.batch},
    }
    results = []
    with tempfile.TemporaryDirectory(prefix="bench-scale-") as name:
        for rows in options.rows or SIZES:
            table = Path(name) / f"{rows}.parquet"
            write_parquet(table, rows)
            for mode in options.mode or MODES:
                rounds = options.rounds if rows <= MOST_REPEATED else 1
                runs = [measure(table, rows, mode, parameters, options.threads) for _ in range(rounds)]
                results.append(max(runs, key=lambda run: run["rows_per_second"]))
                print(json.dumps(results[-1]), file=sys.stderr)
            table.unlink()
    print(f"{options.threads} threads, batches of {options.batch:,}, {options.epochs} epochs\n")
    print_table(list(COLUMNS.values()), [[result[column] for column in COLUMNS] for result in results])
    settings = {"threads": options.threads, **parameters}
    write_json(options.json, "scale", described, {"settings": settings, "runs": results})


def measure(table: Path, rows: int, mode: str, parameters: dict[str, Any], threads: int) -> dict[str, Any]:
    """Train in a process as the service starts it; return what it took."""
    with tempfile.TemporaryDirectory(prefix="bench-scale-job-", dir=table.parent) as name:
        folder = Path(name)
        FitJob(
            workflow_type="autoencoder_csv",
            tables={"datasrc": (table,)},
            parameters=parameters,
            threads=threads,
            memory_bytes=MODES[mode],
        ).write(folder)
        peak_bytes = run_child("fit", folder, threads)
        result = json.loads((folder / ARTIFACT_FOLDER / RESULT_FILE).read_text())
    trained = result["rows_per_second"]
    timings = result["timings"]
    return {
        "rows": rows,
        "mode": mode,
        "features": result["features"],
        "rows_per_second": trained,
        "microseconds_a_row": 1e6 / trained,
        "prepared_rows_per_second": rows / (timings["statistics"] + timings["encode"]),
        "scored_rows_per_second": rows / timings["score"],
        "seconds": timings["total"],
        "timings": timings,
        "peak_gigabytes": peak_bytes / 1e9,
        "roc_auc": result["metrics"]["roc_auc"],
        "average_precision": result["metrics"]["average_precision"],
    }


def run_child(task: str, folder: Path, threads: int) -> int:
    """Do the job of a folder in a process of its own; return its peak memory in bytes."""
    command = [sys.executable, "-m", "algorithms", task, str(folder)]
    environment = os.environ | {"OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": str(threads)}
    log = folder / "log"
    with log.open("wb") as said:
        process = subprocess.Popen(command, cwd=REPOSITORY, env=environment, stdout=said, stderr=said)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{task} failed:\n{log.read_text()}")
    return usage.ru_maxrss * 1024


if __name__ == "__main__":
    main(sys.argv[1:])
