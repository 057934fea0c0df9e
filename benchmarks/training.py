"""Training speed: rows per second at batch 10, 256 and 4,096, beside Keras `fit`, PyOD and a loop in torch."""

import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.report import machine, parser, print_table, write_json
from benchmarks.training_peers import GATHERED, HIDDEN, OURS, PEERS, SGEMM, WIDE, WIDTH

ROWS = {10: 20_000, 256: 100_000, 4096: 200_000}
WIDE_BATCH = 256
REPOSITORY = Path(__file__).resolve().parent.parent


def main(argv: Sequence[str]) -> None:
    """Measure every trainer on the same network (64 columns, hidden 200-100, ReLU, Adam, float32) and the same rows.

    Each runs in a process of its own, on all cores, in turn and several rounds long; its fastest round counts, so that
    other load on the machine disturbs no one's figure. The first epoch and all before it are set-up, shown apart. The
    share of sgemm is that of the products of a step, forward and backward, in the rate of large products of numpy on
    all cores, measured in the same rounds. The last rows are a table of 30 columns with a category of 1,000 values.
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
    rates = []
    for batch in options.batch or sorted(ROWS):
        rows = ROWS[batch] // divisor
        fastest, measured = _fastest(PEERS, batch, rows, options.epochs, rounds)
        rates += measured
        results += _beside(fastest, OURS, batch)
    fastest, measured = _fastest(WIDE, WIDE_BATCH, ROWS[WIDE_BATCH] // divisor, options.epochs, rounds)
    wide = _beside(fastest, GATHERED, WIDE_BATCH)
    sgemm = max(rates + measured)
    for result in results:
        products = result["rows_per_second"] * _operations_a_row()
        result["share_of_sgemm"] = products / sgemm
    shown = ("trainer", "batch", "rows_per_second", "setup_seconds", "ours_is_times_faster", "share_of_sgemm")
    headers = ["trainer", "batch", "rows/s", "set-up s", "ours is × faster", "share of sgemm"]
    print(f"sgemm: {sgemm / 1e9:.0f} GFLOP/s\n")
    print_table(headers, [[result.get(key) for key in shown] for result in [*results, *wide]])
    write_json(options.json, "training", described, {"sgemm": sgemm, "trainers": results, "wide": wide})


def _fastest(
    trainers: Iterable[str], batch: int, rows: int, epochs: int, rounds: int
) -> tuple[dict[str, dict[str, float]], list[float]]:
    """Return the fastest round of each trainer, and the rates of sgemm in the same rounds."""
    runs: dict[str, list[dict[str, float]]] = {trainer: [] for trainer in trainers}
    rates = []
    for _ in range(rounds):
        for trainer, measured in runs.items():
            measured.append(_run(trainer, batch, rows, epochs))
        rates.append(_run(SGEMM, batch, rows, epochs)["operations_per_second"])
    return {name: max(measured, key=lambda run: run["rows_per_second"]) for name, measured in runs.items()}, rates


def _beside(fastest: dict[str, dict[str, float]], ours: str, batch: int) -> list[dict[str, Any]]:
    return [
        {
            "batch": batch,
            "trainer": trainer,
            **best,
            "ours_is_times_faster": fastest[ours]["rows_per_second"] / best["rows_per_second"],
        }
        for trainer, best in fastest.items()
    ]


def _operations_a_row() -> float:
    """Return the floating point operations that the products of a step take for each row."""
    from algorithms.autoencoder.network import step_operations
    from algorithms.tabular.features import Layout

    return step_operations(Layout(WIDTH, ()), HIDDEN, batch_size=1)


def _run(trainer: str, batch: int, rows: int, epochs: int) -> dict[str, float]:
    """Train in a fresh process; return its steady rows per second and the seconds before them."""
    command = [sys.executable, "-m", "benchmarks.training_peers", trainer, str(batch), str(rows), str(epochs)]
    finished = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if finished.returncode:
        sys.exit(f"{trainer} failed:\n{finished.stderr}")
    measured: dict[str, float] = json.loads(finished.stdout.splitlines()[-1])
    return measured


if __name__ == "__main__":
    main(sys.argv[1:])
