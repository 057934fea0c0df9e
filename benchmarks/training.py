"""Training speed: rows per second beside Keras `fit`, torch and PyOD's AutoEncoder, and the machine's sgemm rate."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.report import machine, parser, print_table, write_json
from benchmarks.training_peers import OURS, OURS_WIDE, PEERS, WIDE, operations

ROWS = {10: 20_000, 256: 100_000, 4096: 200_000}
WIDE_BATCH, WIDE_ROWS = 256, 20_000
REPOSITORY = Path(__file__).resolve().parent.parent


def main(argv: Sequence[str]) -> None:
    """Measure every trainer on the same network (64 columns, hidden 200-100, ReLU, Adam, float32) and the same rows.

    Each runs in a process of its own, on all cores, in turn and several rounds long. The median epoch of its fastest
    round counts, so that other load on the machine disturbs no one's figure. Importing its libraries is shown apart,
    and so is set-up: the first epoch and what comes before it, less a later epoch. Then 30 columns, one of 1,000
    values: beside our own trainer on the same rows spelled out as 0/1 features.

    The share of sgemm is what a trainer's products take of the rate of products of 1024 x 1024 matrices, both at their
    best: its fastest epoch, and the fastest stretch of products about as long.
    """
    arguments = parser("training", f"{__doc__}\n\n{main.__doc__}")
    arguments.add_argument("--batch", type=int, action="append", choices=sorted(ROWS), help="default: all of them")
    arguments.add_argument("--rounds", type=int, default=3, help="processes per trainer (default 3)")
    arguments.add_argument("--epochs", type=int, default=4, help="measured epochs per process (default 4)")
    arguments.add_argument("--quick", action="store_true", help="a tenth of the rows, one round")
    options = arguments.parse_args(argv)
    described = machine()
    rounds, divisor = (1, 10) if options.quick else (options.rounds, 1)
    cases = [(list(PEERS), OURS, batch, ROWS[batch] // divisor) for batch in options.batch or sorted(ROWS)]
    cases.append((list(WIDE), OURS_WIDE, WIDE_BATCH, WIDE_ROWS // divisor))
    rates: list[float] = []
    results: list[dict[str, Any]] = []
    for peers, ours, batch, rows in cases:
        fastest: dict[str, Mapping[str, float]] = {}
        peaks: dict[str, float] = {}
        for _ in range(rounds):
            rates.append(_run("sgemm")["sgemm"])
            for peer in peers:
                measured = _run(peer, rows, batch, options.epochs)
                fastest[peer] = max(measured, fastest.get(peer, measured), key=lambda run: run["rows_per_second"])
                peaks[peer] = max(measured["fastest_rows_per_second"], peaks.get(peer, 0.0))
        results += [
            {
                "batch": batch,
                "trainer": peer,
                **best,
                "fastest_rows_per_second": peaks[peer],
                "ours_is_times_faster": fastest[ours]["rows_per_second"] / best["rows_per_second"],
            }
            for peer, best in fastest.items()
        ]
    for result in results:
        result["share_of_sgemm"] = result["fastest_rows_per_second"] * operations(result["trainer"]) / max(rates)
    shown = {
        "trainer": "trainer",
        "batch": "batch",
        "rows_per_second": "rows/s",
        "share_of_sgemm": "of sgemm",
        "import_seconds": "import s",
        "setup_seconds": "set-up s",
        "ours_is_times_faster": "ours is × faster",
    }
    print_table(list(shown.values()), [[result[key] for key in shown] for result in results])
    print(f"\nsgemm: {max(rates) / 1e9:.0f} GFLOP/s")
    write_json(options.json, "training", described, {"sgemm": max(rates), "trainers": results})


def _run(*asked: str | int) -> dict[str, float]:
    """Return what a peer measured of itself in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.training_peers", *map(str, asked)]
    environment = dict(os.environ)
    if asked[0] not in (OURS, *WIDE):
        environment.pop("OMP_WAIT_POLICY", None)  # the peers' libraries wait as they do when no one says how
    finished = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    if finished.returncode:
        sys.exit(f"{asked[0]} failed:\n{finished.stderr}")
    measured: dict[str, float] = json.loads(finished.stdout.splitlines()[-1])
    return measured


if __name__ == "__main__":
    main(sys.argv[1:])
