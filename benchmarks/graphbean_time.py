"""Seconds until GraphBEAN ranks planted anomalies as the authors' code did, beside 200 epochs of plain PyG."""

import argparse
import contextlib
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.graphbean import PLANTED, SCORINGS, load_graph, quality
from benchmarks.report import machine, parser, print_table, write_json

REPOSITORY = Path(__file__).resolve().parent.parent
GOAL = {"u_ap": 0.870, "v_ap": 0.783, "e_ap": 0.564}
"""Average precision of the authors' own code after 200 epochs, mean of three seeds (../shared/reference)."""
EVERY = 5
PLAIN, PLAIN_EPOCHS = "plain PyG", 200


def main(argv: Sequence[str]) -> None:
    """Train on the planted health claims until all three average precisions pass, looking every fifth epoch.

    Looking is not timed. The obvious version trains its 200 epochs; each is a process of its own, seed 0.
    """
    arguments = parser("graphbean_time", f"{__doc__}\n\n{main.__doc__}")
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--epochs", type=int, default=200, help="give up after so many (default 200)")
    arguments.add_argument("--quick", action="store_true", help="give up after 10 epochs")
    arguments.add_argument("--child", help=argparse.SUPPRESS)
    options = arguments.parse_args(argv)
    if options.quick:
        options.epochs = 10
    if options.child:
        print(json.dumps(_plain(options) if options.child == PLAIN else _ours(options)))
        return
    described = machine()
    results = {version: _run(version, argv) for version in (*SCORINGS, PLAIN)}
    whole = results[PLAIN]["seconds"]
    headers = ["version", "passed after epochs", "seconds", "share of plain PyG's", *GOAL]
    rows = [
        [name, r["epochs"] if r["passed"] else None, r["seconds"], r["seconds"] / whole, *(r.get(k) for k in GOAL)]
        for name, r in results.items()
    ]
    print_table(headers, rows)
    print(f"goal: {GOAL}; '-' epochs: not passed within {options.epochs}, the seconds are those of all of them")
    write_json(options.json, "graphbean_time", described, {"goal": GOAL, **results})


def _run(version: str, argv: Sequence[str]) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.graphbean_time", *argv, "--child", version]
    finished = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if finished.returncode:
        sys.exit(f"{version} failed:\n{finished.stderr}")
    measured: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
    return measured


def _ours(options: argparse.Namespace) -> dict[str, Any]:
    import torch

    from algorithms.graphbean.fitting import fit_network
    from algorithms.graphbean.history import Epoch
    from algorithms.graphbean.inference import residuals_of
    from algorithms.graphbean.memory import keep_freed_memory
    from algorithms.graphbean.params import GraphBEANParams
    from algorithms.graphbean.scaling import AttributeScaling
    from algorithms.graphbean.scoring import GraphScoring
    from algorithms.graphbean.training import new_network

    keep_freed_memory()
    torch.set_num_threads(options.threads)
    params = GraphBEANParams.model_validate({"scoring": options.child, "epochs": options.epochs})
    graph, labels = load_graph(PLANTED)
    scaled = AttributeScaling.fit(graph, params).apply(graph)
    network = new_network(scaled.widths, params)
    spent = [0.0]

    class Passed(Exception):
        """The goal is reached."""

    reached: dict[str, Any] = {"passed": False, "epochs": params.epochs}

    def look(epoch: Epoch) -> None:
        spent[0] += epoch.seconds
        if epoch.epoch % EVERY and epoch.epoch != params.epochs:
            return
        residuals = residuals_of(network, scaled)
        scores = GraphScoring.fit(params, residuals).score(scaled.edge_index, residuals).scores
        reached.update(quality(scores, labels))
        if all(reached[name] >= goal for name, goal in GOAL.items()):
            reached.update(passed=True, epochs=epoch.epoch)
            raise Passed

    with contextlib.suppress(Passed):
        fit_network(network, scaled, params, look)
    return {**reached, "seconds": spent[0]}


def _plain(options: argparse.Namespace) -> dict[str, Any]:
    import torch

    from benchmarks.graphbean_peers import train_plainly

    torch.set_num_threads(options.threads)
    graph, _ = load_graph(PLANTED)
    x = graph.x.map(lambda values: torch.from_numpy(values.astype(np.float32)))
    seconds: list[float] = []
    epochs = min(PLAIN_EPOCHS, options.epochs)
    train_plainly(
        x.u, x.v, x.e, torch.from_numpy(graph.edge_index), epochs,
        on_epoch=lambda epoch, network, spent: seconds.append(spent),
    )  # fmt: skip
    return {"passed": True, "epochs": epochs, "seconds": sum(seconds)}


if __name__ == "__main__":
    main(sys.argv[1:])
