"""CSV to Parquet: megabytes a second and peak memory beside pandas, Polars and pyarrow."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from algorithms.jobs import ConvertJob
from benchmarks.report import machine, parser, print_table, write_json

OURS = "this product"
PEERS = ("polars", "pyarrow", "pandas")
REPOSITORY = Path(__file__).resolve().parent.parent
MEGA = 1e6


def main(argv: Sequence[str]) -> None:
    """Convert the same generated CSV file of 30 columns with each, every time in a fresh process.

    Seconds are those of the whole process, its start and imports included; memory is its largest resident set. The
    fastest round counts. Ours does what an upload needs: sha256, encoding and delimiter found, types that every cell of
    a column agrees with, rows and cells that are wrong named. The others infer types from their first rows, and stop at
    a later cell that contradicts.
    """
    arguments = parser("ingest", f"{__doc__}\n\n{main.__doc__}")
    arguments.add_argument("--rows", type=int, default=1_000_000, help="default 1,000,000, about 290 MB")
    arguments.add_argument("--rounds", type=int, default=3, help="processes per library (default 3)")
    arguments.add_argument("--quick", action="store_true", help="50,000 rows, one round")
    options = arguments.parse_args(argv)
    rows, rounds = (50_000, 1) if options.quick else (options.rows, options.rounds)
    described = machine()
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in (OURS, *PEERS)}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source = folder / "rows.csv"
        # In a process of its own: a child's largest resident set counts that of the process that starts it.
        _run("benchmarks.ingest_peers", "generate", source, rows)
        size = source.stat().st_size
        ConvertJob(source=source, parquet=folder / "out.parquet").write(folder)
        for _ in range(rounds):
            runs[OURS].append(_run("algorithms", "convert", folder))
            for peer in PEERS:
                runs[peer].append(_run("benchmarks.ingest_peers", peer, source, folder / "peer.parquet"))
    results = [_result(name, measured, size) for name, measured in runs.items()]
    if {run["rows"] for measured in runs.values() for run in measured} != {rows}:
        sys.exit(f"not all of them found {rows:,} rows: {runs}")
    print(f"{rows:,} rows, {size / MEGA:,.0f} MB\n")
    print_table(["library", "seconds", "MB/s", "CPU seconds", "peak MB"], [list(result.values()) for result in results])
    write_json(options.json, "ingest", described, {"rows": rows, "megabytes": size / MEGA, "libraries": results})


def _result(name: str, measured: Sequence[dict[str, Any]], size: int) -> dict[str, Any]:
    best = min(measured, key=lambda run: run["seconds"])
    return {
        "library": name,
        "seconds": best["seconds"],
        "megabytes_per_second": size / MEGA / best["seconds"],
        "cpu_seconds": best["cpu_seconds"],
        "peak_megabytes": max(run["peak_megabytes"] for run in measured),
    }


def _run(module: str, *arguments: Any) -> dict[str, Any]:
    """Run a module; return the rows it tells in the JSON of its last line, its seconds and its memory."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    began = time.perf_counter()
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)} failed")
    return {
        "rows": json.loads(said.splitlines()[-1])["rows"],
        "seconds": time.perf_counter() - began,
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "peak_megabytes": used.ru_maxrss * 1024 / MEGA,
    }


if __name__ == "__main__":
    main(sys.argv[1:])
