"""ROC-AUC and average precision on labelled sets, beside PyOD's detectors: one-class or unsupervised."""

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score, roc_auc_score

from algorithms.autoencoder.detector import AutoencoderDetector
from algorithms.autoencoder.params import AutoencoderParams
from benchmarks.one_class import SHARED_DATA
from benchmarks.quality_peers import PEERS, Peer
from benchmarks.quality_sets import MOST_ROWS, Experiment, LabelledSet, ProtocolName, read_folder, read_tables, split
from benchmarks.report import machine, parser, print_table, write_json

OURS = "autoencoder"
QUICK_ROWS = 1000


class Detector(Protocol):
    """What PyOD's detectors and ours have in common."""

    decision_scores_: NDArray[np.float64]

    def fit(self, frame: pd.DataFrame) -> Any: ...

    def decision_function(self, frame: pd.DataFrame) -> NDArray[np.float64]: ...


def ours(protocol: ProtocolName, seed: int) -> AutoencoderDetector:
    """Return the product with the recipe a user would choose who knows what the training rows are."""
    recipe = "clean" if protocol == "one-class" else "contaminated"
    return AutoencoderDetector(AutoencoderParams(recipe=recipe, seed=seed), threads=2)


def plain(seed: int) -> AutoencoderDetector:
    """Return the same network without what the recipes add: noise, dropout, trimming, the squash of large errors."""
    params = AutoencoderParams(recipe="clean", learning_rate=1e-3, noise=0, penalty="squared", seed=seed)
    return AutoencoderDetector(params, threads=2)


METHODS: Mapping[str, Callable[[ProtocolName, int], Detector]] = {
    OURS: ours,
    "plain": lambda protocol, seed: plain(seed),
    "classic": lambda protocol, seed: AutoencoderDetector(AutoencoderParams(recipe="classic", seed=seed)),
    **{name: lambda protocol, seed, name=name: Peer(name, seed) for name in PEERS},
}
"""A detector by name, made for a protocol and a seed."""

FUSIONS: Mapping[str, tuple[str, str]] = {f"{OURS}+KNN": (OURS, "KNN")}
"""A yardstick, not in the product: the mean of two methods' ranks among the scored rows."""


def measure(experiment: Experiment, protocol: ProtocolName, seed: int, methods: Sequence[str]) -> dict[str, Any]:
    """Fit and score one experiment with each method; return its figures by method."""
    scores: dict[str, NDArray[np.float64]] = {}
    seconds: dict[str, float] = {}
    for name in methods:
        if name not in METHODS:
            continue
        detector = METHODS[name](protocol, seed)
        began = time.perf_counter()
        detector.fit(experiment.trained)
        seconds[name] = time.perf_counter() - began
        tested = experiment.tested
        scores[name] = detector.decision_scores_ if tested is None else detector.decision_function(tested)
    for name, (one, other) in FUSIONS.items():
        if name in methods:
            scores[name] = rankdata(scores[one]) + rankdata(scores[other])
            seconds[name] = seconds[one] + seconds[other]
    return {
        name: {
            "roc_auc": float(roc_auc_score(experiment.labels, scores[name])),
            "average_precision": float(average_precision_score(experiment.labels, scores[name])),
            "fit_seconds": seconds[name],
        }
        for name in methods
    }


def means(
    runs: Sequence[Mapping[str, Any]], sets: Sequence[str], methods: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Return each method's means over seeds, then sets, and its mean rank over sets, 1 being the best."""
    figures = {
        figure: np.array(
            [
                [np.mean([run[figure] for run in runs if (run["set"], run["method"]) == (s, m)]) for m in methods]
                for s in sets
            ]
        )
        for figure in ("roc_auc", "average_precision", "fit_seconds")
    }  # each (sets, methods)
    columns = {
        "roc_auc": figures["roc_auc"],
        "average_precision": figures["average_precision"],
        "roc_auc_rank": rankdata(-figures["roc_auc"], axis=1),
        "average_precision_rank": rankdata(-figures["average_precision"], axis=1),
        "fit_seconds": figures["fit_seconds"],
    }
    return {m: {name: float(values[:, i].mean()) for name, values in columns.items()} for i, m in enumerate(methods)}


def main(argv: Sequence[str]) -> None:
    options = _options(argv)
    groups, sets = _sets(options)
    methods = options.methods
    described = machine()
    runs = []
    for labelled in sets.values():
        for seed in options.seeds:
            results = measure(split(labelled, options.protocol, seed), options.protocol, seed, methods)
            runs += [{"set": labelled.name, "seed": seed, "method": name, **result} for name, result in results.items()]
        of_set = means(runs, [labelled.name], methods)
        shown = "  ".join(f"{m} {of_set[m]['roc_auc']:.3f}/{of_set[m]['average_precision']:.3f}" for m in methods)
        print(f"{labelled.name}: {shown}", flush=True)
    summary = {group: means(runs, names, methods) for group, names in groups.items()}
    for group, of_methods in summary.items():
        print()
        print_table([group, *next(iter(of_methods.values()))], [[m, *row.values()] for m, row in of_methods.items()])
    per_set = {name: means(runs, [name], methods) for name in sets}
    result = {
        "protocol": options.protocol,
        "seeds": options.seeds,
        "most_rows": options.rows,
        "sets": {s.name: {"rows": len(s.labels), "anomalies": int(s.labels.sum())} for s in sets.values()},
        "mean": summary,
        "per_set": {s: {m: [f["roc_auc"], f["average_precision"]] for m, f in of.items()} for s, of in per_set.items()},
        "runs": runs,
    }
    write_json(options.json, "quality", described, result)


def _sets(options: Any) -> tuple[dict[str, list[str]], dict[str, LabelledSet]]:
    """Return the names of the sets to average, by what they are, and all sets to measure."""
    found = read_folder(options.data or SHARED_DATA / "adbench")
    names = list(found)
    groups = {f"{len(names)} sets": names}
    if options.data is None:
        # What the recipes were chosen on, and what was only looked at once they were.
        groups |= {"tuned on": names[::2], "not tuned on": names[1::2]}
        for table in read_tables():
            found[table.name] = table
            groups[table.name] = [table.name]
    return groups, {name: labelled.capped(options.rows) for name, labelled in found.items()}


def _options(argv: Sequence[str]) -> Any:
    known = [*METHODS, *FUSIONS]
    arguments = parser("quality", __doc__)
    arguments.add_argument("--protocol", choices=get_args(ProtocolName), default="one-class")
    arguments.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="a folder of .npz files with X and y (default: those of ../shared/data)",
    )
    arguments.add_argument("--seeds", type=lambda text: [int(seed) for seed in text.split(",")], default=[0, 1, 2])
    arguments.add_argument("--methods", type=lambda text: text.split(","), default=known, help=", ".join(known))
    arguments.add_argument("--rows", type=int, default=MOST_ROWS, help=f"most rows of a set (default {MOST_ROWS:,})")
    arguments.add_argument("--quick", action="store_true", help=f"one seed, at most {QUICK_ROWS:,} rows of a set")
    options = arguments.parse_args(argv)
    unknown = sorted(set(options.methods) - set(known))
    if unknown:
        arguments.error(f"no method is called {', '.join(unknown)}; there are: {', '.join(known)}")
    for fusion in sorted(set(options.methods) & set(FUSIONS)):
        if lacking := set(FUSIONS[fusion]) - set(options.methods):
            arguments.error(f"{fusion} needs {', '.join(sorted(lacking))} among the methods")
    if options.data is not None and not options.data.is_dir():
        arguments.error(f"there is no folder {options.data}")
    if options.quick:
        options.seeds, options.rows = options.seeds[:1], min(options.rows, QUICK_ROWS)
    return options


if __name__ == "__main__":
    main(sys.argv[1:])
