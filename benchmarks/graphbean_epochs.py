"""GraphBEAN's seconds per full-batch epoch on three shapes of graphs, beside the obvious PyTorch Geometric version."""

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from algorithms.graphbean.graph import BipartiteGraph, Parts
from benchmarks.report import machine, parser, print_table, write_json

REPOSITORY = Path(__file__).resolve().parent.parent
HEALTHCARE = REPOSITORY.parent / "shared" / "data" / "graphbean" / "healthcare_injected_0.npz"
OURS, PLAIN = "this product", "plain PyG"
AUTHORS_SECONDS = {"healthcare": 0.32, "wikipedia": 0.34, "reddit": 1.55}
"""The authors' code on two cores of an AMD EPYC, on another day: printed, not compared."""
WARM_UP = 3


def random_graph(u: int, v: int, edges: int, widths: tuple[int, int, int]) -> BipartiteGraph:
    """Return a graph with random pairs and attributes, sorted by u."""
    rng = np.random.default_rng(0)
    keys = np.sort(rng.choice(u * v, edges, replace=False))
    x = (rng.standard_normal((n, width), dtype=np.float32) for n, width in zip((u, v, edges), widths, strict=True))
    return BipartiteGraph(np.stack([keys // v, keys % v]).astype(np.int64), Parts(*x))


def healthcare() -> BipartiteGraph:
    """Return the claims graph with planted anomalies, attributes as they are stored (nearly standardised)."""
    with np.load(HEALTHCARE) as stored:
        pairs = np.stack([stored["row"], stored["col"]]).astype(np.int64)
        return BipartiteGraph(pairs, Parts(stored["xu"], stored["xv"], stored["xe"]))


SHAPES: dict[str, Callable[[], BipartiteGraph]] = {
    "healthcare": healthcare,
    "wikipedia": lambda: random_graph(8227, 1000, 18257, (174, 174, 345)),
    "reddit": lambda: random_graph(10_000, 984, 78_516, (174, 174, 345)),
}


def main(argv: Sequence[str]) -> None:
    """Time both on the same graph, each in a process of its own, in turn.

    A round's figure is the median of its epochs; the fastest round counts, so that other load on the machine disturbs
    no one's figure. Widths 32, 2 + 2 + 2 layers, five negatives an edge, float32.
    """
    arguments = parser("graphbean_epochs", f"{__doc__}\n\n{main.__doc__}")
    arguments.add_argument("--shape", action="append", choices=list(SHAPES), help="default: all of them")
    arguments.add_argument("--rounds", type=int, default=3, help="processes for each (default 3)")
    arguments.add_argument("--epochs", type=int, default=15, help="measured epochs a process (default 15)")
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--child", nargs=2, metavar=("VERSION", "SHAPE"), help=argparse.SUPPRESS)
    options = arguments.parse_args(argv)
    if options.child:
        print(json.dumps(_epoch_seconds(*options.child, options.epochs, options.threads)))
        return
    described, results = machine(), []
    for shape in options.shape or list(SHAPES):
        rounds: dict[str, list[float]] = {OURS: [], PLAIN: []}
        for _ in range(options.rounds):
            for version, measured in rounds.items():
                measured.append(_run(version, shape, options))
        results.append(_compared(shape, rounds, options.threads))
    headers = ["graph", "threads", "ms an epoch", "plain PyG ms", "ours is × faster", "rounds", "authors' ms"]
    shown = ["graph", "threads", "milliseconds", "plain_milliseconds", "times_faster", "rounds", "authors_milliseconds"]
    print_table(headers, [[result[key] for key in shown] for result in results])
    print("\nauthors' ms: their own code, measured on another day on two cores of an AMD EPYC")
    write_json(options.json, "graphbean_epochs", described, results)


def _compared(shape: str, rounds: dict[str, list[float]], threads: int) -> dict[str, Any]:
    ours, plain = min(rounds[OURS]), min(rounds[PLAIN])
    ratios = sorted(p / o for o, p in zip(rounds[OURS], rounds[PLAIN], strict=True))
    return {
        "graph": shape,
        "threads": threads,
        "milliseconds": 1000 * ours,
        "plain_milliseconds": 1000 * plain,
        "times_faster": plain / ours,
        "rounds": f"{ratios[0]:.2f} to {ratios[-1]:.2f}",
        "authors_milliseconds": 1000 * AUTHORS_SECONDS[shape],
    }


def _run(version: str, shape: str, options: argparse.Namespace) -> float:
    command = [sys.executable, "-m", "benchmarks.graphbean_epochs", "--child", version, shape]
    command += ["--epochs", str(options.epochs), "--threads", str(options.threads)]
    finished = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if finished.returncode:
        sys.exit(f"{version} failed on {shape}:\n{finished.stderr}")
    seconds: float = json.loads(finished.stdout.splitlines()[-1])
    return seconds


def _epoch_seconds(version: str, shape: str, epochs: int, threads: int) -> float:
    """Return the median seconds of an epoch after the first few."""
    import torch

    torch.set_num_threads(threads)
    graph = SHAPES[shape]()
    seconds: list[float] = []
    if version == OURS:
        from algorithms.graphbean.memory import keep_freed_memory
        from algorithms.graphbean.params import GraphBEANParams
        from algorithms.graphbean.training import new_network, train

        keep_freed_memory()
        params = GraphBEANParams(epochs=WARM_UP + epochs)
        train(new_network(graph.widths, params), graph, params, lambda epoch: seconds.append(epoch.seconds))
    else:
        from benchmarks.graphbean_peers import train_plainly

        x = graph.x.map(torch.from_numpy)
        pairs = torch.from_numpy(graph.edge_index)
        train_plainly(
            x.u, x.v, x.e, pairs, WARM_UP + epochs, on_epoch=lambda epoch, network, spent: seconds.append(spent)
        )
    return statistics.median(seconds[WARM_UP:])


if __name__ == "__main__":
    main(sys.argv[1:])
