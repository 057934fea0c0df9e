"""Interactions to a graph: seconds and memory of the aggregation beside pandas and Polars."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.interactions_peers import OURS, PEERS
from benchmarks.report import machine, parser, print_table, write_json

ROWS = 2_000_000
REPOSITORY = Path(__file__).resolve().parent.parent


def main(argv: Sequence[str]) -> None:
    """Aggregate the same generated rows per u, per v and per pair: partners, two id columns, two numbers.

    Text ids of a quarter as many u as rows, number ids of a fortieth as many v; some ids and numbers are missing. Each
    library runs in a process of its own, in turn and several rounds long; its fastest round counts. The time begins
    with the file read into the library's own table and ends with edges and attributes as numpy arrays. Memory is the
    highest, less that of the table.
    """
    arguments = parser("interactions", f"{__doc__}\n\n{main.__doc__}")
    arguments.add_argument("--rows", type=int, default=ROWS, help=f"default {ROWS:,}")
    arguments.add_argument("--rounds", type=int, default=3, help="processes per library (default 3)")
    options = arguments.parse_args(argv)
    described = machine()
    runs: dict[str, list[dict[str, Any]]] = {peer: [] for peer in PEERS}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "interactions.parquet"
        write_interactions(path, options.rows)
        for _ in range(options.rounds):
            for peer in PEERS:
                runs[peer].append(_run(peer, path))
    fastest = {peer: min(measured, key=lambda run: run["seconds"]) for peer, measured in runs.items()}
    refuse_differences({peer: best["graph"] for peer, best in fastest.items()})
    u, v, edges, _ = fastest[OURS]["graph"]["sizes"]
    results = [
        {
            "library": peer,
            **{name: best[name] for name in ("seconds", "cpu_seconds", "extra_megabytes")},
            "ours_is_times_faster": best["seconds"] / fastest[OURS]["seconds"],
        }
        for peer, best in fastest.items()
    ]
    print(f"{options.rows:,} rows become {u:,} u, {v:,} v and {edges:,} edges\n")
    headers = ["library", "seconds", "CPU seconds", "extra MB", "ours is × faster"]
    print_table(headers, [list(result.values()) for result in results])
    write_json(
        options.json,
        "interactions",
        described,
        {"rows": options.rows, "u": u, "v": v, "edges": edges, "libraries": results},
    )


def write_interactions(path: Path, rows: int, seed: int = 0) -> None:
    """Write generated interactions; few sellers have many of them, and a hundredth of the cells is empty."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(seed)
    sellers = max(rows // 40, 1)

    def gaps(values: Any) -> Any:
        return pa.array(values, mask=rng.random(rows) < 0.01)

    def texts(prefix: str, numbers: Any) -> Any:
        return gaps(np.char.add(prefix, numbers.astype("U8")))

    columns = {
        "buyer": texts("BUY", rng.integers(0, max(rows // 4, 1), rows)),
        "seller": gaps((sellers * rng.random(rows) ** 2).astype(np.float64).round()),
        "order": texts("ORD", np.arange(rows)),
        "shop": gaps(rng.integers(0, max(rows // 400, 1), rows).astype(np.float64)),
        "amount": gaps(rng.gamma(2.0, 1000.0, rows).round(2)),
        "weight": gaps(rng.normal(size=rows)),
    }
    pq.write_table(pa.table(columns), path)


def refuse_differences(graphs: dict[str, dict[str, Any]]) -> None:
    """End with a message if a library made another graph than ours."""
    ours = graphs[OURS]
    for peer, graph in graphs.items():
        same = all(np.allclose(a, b, rtol=1e-6) for a, b in zip(graph["sums"], ours["sums"], strict=True))
        if graph["sizes"] != ours["sizes"] or graph["degrees"] != ours["degrees"] or not same:
            sys.exit(f"{peer} made another graph:\n{graph}\n{ours}")


def _run(peer: str, path: Path) -> dict[str, Any]:
    """Make the graph in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.interactions_peers", peer, str(path)]
    finished = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if finished.returncode:
        sys.exit(f"{peer} failed:\n{finished.stderr}")
    measured: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
    return measured


if __name__ == "__main__":
    main(sys.argv[1:])
