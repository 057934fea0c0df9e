"""Two Gaussian blobs: trained on one class, the other scores higher, and the same with the classes swapped."""

import sys
from collections.abc import Sequence
from typing import Any

import pandas as pd
from sklearn.datasets import make_blobs

from algorithms.autoencoder.params import AutoencoderParams
from algorithms.tabular.params import TabularFeederParams
from benchmarks.one_class import one_class, print_experiment
from benchmarks.report import machine, parser, write_json


def measure(normal_class: int, seed: int = 0) -> dict[str, Any]:
    """Train an autoencoder 15-10-5-2 on four fifths of one class, test on its last fifth and the other class."""
    points, classes = make_blobs(
        n_samples=500, n_features=15, centers=2, center_box=(-4, 4), cluster_std=1.75, random_state=42
    )
    frame = pd.DataFrame(points, columns=[f"x{i}" for i in range(points.shape[1])])
    params = AutoencoderParams(hidden=(10, 5, 2), recipe="clean", seed=seed)
    feeder = TabularFeederParams(numeric_scaling="minmax")
    return one_class(frame, (classes != normal_class).astype(int), params, feeder, train_share=0.8)


def main(argv: Sequence[str]) -> None:
    options = parser("blobs", __doc__).parse_args(argv)
    described = machine()
    results = {f"trained on class {c}": measure(c) for c in (0, 1)}
    print_experiment("blobs", results)
    write_json(options.json, "blobs", described, results)


if __name__ == "__main__":
    main(sys.argv[1:])
