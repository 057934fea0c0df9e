"""One-class experiments: trained on normal rows, tested on other normal rows and all anomalies."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

from algorithms.autoencoder.detector import AutoencoderDetector
from algorithms.autoencoder.params import AutoencoderParams
from algorithms.tabular.params import TabularFeederParams
from benchmarks.report import machine, parser, print_table, write_json

SHARED_DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


def one_class(
    frame: pd.DataFrame, labels: np.ndarray, params: AutoencoderParams, feeder: TabularFeederParams,
    *, train_share: float,
) -> dict[str, Any]:  # fmt: skip
    """Train on a random share of the rows labelled 0, test on the other rows; the split is that of the seed."""
    normal = np.random.default_rng(params.seed).permutation(np.flatnonzero(labels == 0))
    trained = normal[: round(len(normal) * train_share)]
    tested = np.setdiff1d(np.arange(len(labels)), trained)
    began = time.perf_counter()
    detector = AutoencoderDetector(params, feeder, threads=2).fit(frame.iloc[trained])
    seconds = time.perf_counter() - began
    scores, truth = detector.decision_function(frame.iloc[tested]), labels[tested].astype(np.int8)
    return {
        "trained_rows": len(trained),
        "tested_rows": len(tested),
        "anomalies": int(truth.sum()),
        "roc_auc": float(roc_auc_score(truth, scores)),
        "average_precision": float(average_precision_score(truth, scores)),
        "median_normal": float(np.median(scores[truth == 0])),
        "median_anomaly": float(np.median(scores[truth == 1])),
        "fit_seconds": seconds,
    }


def print_experiment(name: str, results: Mapping[str, Mapping[str, Any]]) -> None:
    """Print a row for each variant of an experiment."""
    print_table(
        [name, *next(iter(results.values()))], [[variant, *result.values()] for variant, result in results.items()]
    )


def run_seeds(name: str, doc: str | None, argv: Sequence[str], measure: Any) -> None:
    """Run `measure(seed)` for some seeds as a command: print the table, write the JSON."""
    arguments = parser(name, doc)
    arguments.add_argument("--seeds", type=int, default=3, help="how many seeds (default 3)")
    arguments.add_argument("--quick", action="store_true", help="one seed")
    options = arguments.parse_args(argv)
    described = machine()
    results = {f"seed {seed}": measure(seed) for seed in range(1 if options.quick else options.seeds)}
    print_experiment(name, results)
    write_json(options.json, name, described, results)
