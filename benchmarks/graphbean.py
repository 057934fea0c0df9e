"""GraphBEAN's quality on graphs with known anomalies, beside three baselines; seconds and memory."""

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from algorithms.graphbean.graph import BipartiteGraph, Parts
from benchmarks.report import machine, parser, print_table, write_json

REPOSITORY = Path(__file__).resolve().parent.parent
SHARED = REPOSITORY.parent / "shared"
PLANTED = SHARED / "data" / "graphbean" / "healthcare_injected_0.npz"
SCORINGS = ("reconstruction", "collective")
AUTHORS = {
    "u_auc_roc": "u_roc_auc", "v_auc_roc": "v_roc_auc", "e_auc_roc": "e_roc_auc",
    "u_auc_pr": "u_ap", "v_auc_pr": "v_ap", "e_auc_pr": "e_ap",
}  # fmt: skip
QUALITY = ("u_ap", "v_ap", "e_ap", "u_roc_auc", "v_roc_auc", "e_roc_auc")


def load_graph(path: Path) -> tuple[BipartiteGraph, Parts[np.ndarray]]:
    """Return the graph of a file with the arrays row, col, xu, xv, xe, and its labels yu, yv, ye (1: anomaly)."""
    with np.load(path) as stored:
        pairs = np.stack([stored["row"], stored["col"]]).astype(np.int64)
        x = Parts(*(stored[name].astype(np.float64) for name in ("xu", "xv", "xe")))
        return BipartiteGraph(pairs, x), Parts(*(stored[name].astype(np.int8) for name in ("yu", "yv", "ye")))


def main(argv: Sequence[str]) -> None:
    """Train on a graph with the product's defaults, score it, and compare the scores with its labels.

    Each seed is a process of its own. With --new, another graph is scored by the model trained on the first, from the
    stored statistics. The default graph is the health claims' with planted anomalies of ../shared/data, where the
    figures of the authors' own code are printed too.
    """
    arguments = parser("graphbean", f"{__doc__}\n\n{main.__doc__}")
    arguments.add_argument("--graph", type=Path, default=PLANTED, metavar="FILE.npz")
    arguments.add_argument("--new", type=Path, metavar="FILE.npz", help="score this graph by the model of --graph")
    arguments.add_argument("--scoring", action="append", choices=SCORINGS, help="default: both")
    arguments.add_argument("--seeds", default="0,1,2", help="seeds, comma-separated (default 0,1,2)")
    arguments.add_argument("--epochs", type=int, help="default: the product's")
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--training", choices=("full", "sampled"), default="full")
    arguments.add_argument("--quick", action="store_true", help="one seed, 20 epochs")
    arguments.add_argument("--child", nargs=2, metavar=("SCORING", "SEED"), help=argparse.SUPPRESS)
    options = arguments.parse_args(argv)
    if options.quick:
        options.seeds, options.epochs = "0", 20
    if options.child:
        print(json.dumps(measure(options)))
        return
    described = machine()
    results = {
        scoring: [_run(argv, scoring, seed) for seed in options.seeds.split(",")]
        for scoring in options.scoring or SCORINGS
    }
    report(results, options.graph)
    write_json(options.json, "graphbean", described, {"graph": options.graph.name, "runs": results})


def report(results: Mapping[str, Sequence[Mapping[str, Any]]], graph: Path) -> None:
    """Print the means over the seeds, the baselines and, for the graph they measured, the authors' figures."""
    headers = ["scores", *QUALITY, "train s", "score s", "peak MB"]
    rows: list[list[Any]] = []
    for scoring, runs in results.items():
        figures = [float(np.mean([run[name] for run in runs])) for name in (*QUALITY, "train_seconds", "score_seconds")]
        rows.append([scoring, *figures, max(run["peak_mb"] for run in runs)])
    first = next(iter(results.values()))[0]
    rows += [[name, *(q[k] for k in QUALITY), None, None, None] for name, q in first["baselines"].items()]
    reference = SHARED / "reference" / "graphbean.json"
    if graph.resolve() == PLANTED.resolve() and reference.exists():
        theirs = json.loads(reference.read_text())["epochs_200"]
        means = {ours: float(np.mean(theirs[name])) for name, ours in AUTHORS.items()}
        rows.append(["the authors' code, 200 epochs, another day", *(means[k] for k in QUALITY), None, None, None])
    print_table(headers, rows)


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Train and score in this process."""
    from algorithms.graphbean.baselines import baseline_scores
    from algorithms.graphbean.detector import GraphBEANDetector
    from algorithms.graphbean.memory import keep_freed_memory
    from algorithms.graphbean.params import GraphBEANParams

    keep_freed_memory()
    scoring, seed = options.child
    given = {"scoring": scoring, "seed": int(seed), "training": options.training}
    if options.epochs:
        given["epochs"] = options.epochs
    params = GraphBEANParams.model_validate(given)
    graph, labels = load_graph(options.graph)
    detector = GraphBEANDetector(params, threads=options.threads).fit(graph)
    examined = detector.examined_
    began = time.perf_counter()
    if options.new:
        graph, labels = load_graph(options.new)
        examined = detector.examine(graph)
    seconds = time.perf_counter() - began if options.new else detector.seconds_["score"]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "scoring": scoring,
        "seed": params.seed,
        "epochs": params.epochs,
        **quality(examined.scores.scores, labels),
        "train_seconds": detector.seconds_["train"],
        "score_seconds": seconds,
        "peak_mb": round(peak),
        "baselines": {name: quality(s, labels) for name, s in baseline_scores(examined.graph).items()},
    }


def quality(scores: Parts[np.ndarray], labels: Parts[np.ndarray]) -> dict[str, float]:
    """Return average precision and ROC-AUC of u, v and e."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    measured = {}
    for part, part_scores, truth in zip("uve", scores, labels, strict=True):
        measured[f"{part}_ap"] = float(average_precision_score(truth, part_scores))
        measured[f"{part}_roc_auc"] = float(roc_auc_score(truth, part_scores))
    return measured


def _run(argv: Sequence[str], scoring: str, seed: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.graphbean", *argv, "--child", scoring, seed]
    finished = subprocess.run(command, cwd=Path.cwd(), capture_output=True, text=True, check=False)
    if finished.returncode:
        sys.exit(f"{scoring}, seed {seed} failed:\n{finished.stderr}")
    measured: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
    return measured


if __name__ == "__main__":
    main(sys.argv[1:])
