"""Training speed: rows per second beside Keras `fit` and PyOD's AutoEncoder, at batch 10 and 256."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.report import machine, parser, print_table, write_json
from benchmarks.training_peers import OURS, PEERS

ROWS = {10: 20_000, 256: 100_000}
REPOSITORY = Path(__file__).resolve().parent.parent


def main(argv: Sequence[str]) -> None:
    """Measure every trainer on the same network (64 columns, hidden 200-100, ReLU, Adam, float32) and the same rows.

    Each runs in a process of its own, on all cores, in turn and several rounds long; its fastest round counts, so that
    other load on the machine disturbs no one's figure. The first epoch and all before it are set-up, shown apart.
    """
    arguments = parser("training", f"{__doc__}\n\n{main.__doc__}")
    arguments.add_argument("--batch", type=int, action="append", choices=sorted(ROWS), help="default: all of them")
    arguments.add_argument("--rounds", type=int, default=3, help="processes per trainer (default 3)")
    arguments.add_argument("--epochs", type=int, default=4, help="measured epochs per process (default 4)")
    arguments.add_argument("--quick", action="store_true", help="a tenth of the rows, one round")
    options = arguments.parse_args(argv)
    described = machine()
    rounds, divisor = (1, 10) if options.quick else (options.rounds, 1)
    results: list[dict[str, Any]] = []
    for batch in options.batch or sorted(ROWS):
        rows = ROWS[batch] // divisor
        runs: dict[str, list[dict[str, float]]] = {peer: [] for peer in PEERS}
        for _ in range(rounds):
            for peer in PEERS:
                runs[peer].append(_run(peer, batch, rows, options.epochs))
        fastest = {peer: max(measured, key=lambda run: run["rows_per_second"]) for peer, measured in runs.items()}
        ours = fastest[OURS]["rows_per_second"]
        results += [
            {"batch": batch, "trainer": peer, **best, "ours_is_times_faster": ours / best["rows_per_second"]}
            for peer, best in fastest.items()
        ]
    shown = ("trainer", "batch", "rows_per_second", "setup_seconds", "ours_is_times_faster")
    headers = ["trainer", "batch", "rows/s", "set-up s", "ours is × faster"]
    print_table(headers, [[result[key] for key in shown] for result in results])
    write_json(options.json, "training", described, results)


def _run(peer: str, batch: int, rows: int, epochs: int) -> dict[str, float]:
    """Train in a fresh process; return its steady rows per second and the seconds before them."""
    command = [sys.executable, "-m", "benchmarks.training_peers", peer, str(batch), str(rows), str(epochs)]
    finished = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if finished.returncode:
        sys.exit(f"{peer} failed:\n{finished.stderr}")
    measured: dict[str, float] = json.loads(finished.stdout.splitlines()[-1])
    return measured


if __name__ == "__main__":
    main(sys.argv[1:])
