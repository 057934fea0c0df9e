"""Card transactions (../shared/data/creditcard): trained on normal rows, tested on other normal rows and all frauds."""

import sys
from collections.abc import Sequence
from typing import Any

import pandas as pd

from algorithms.autoencoder.params import AutoencoderParams
from algorithms.tabular.params import TabularFeederParams
from benchmarks.one_class import SHARED_DATA, one_class, run_seeds


def measure(seed: int = 0) -> dict[str, Any]:
    """Train an autoencoder 25-20-10-5 with dropout 0.1, as the article has it, on four fifths of the normal rows."""
    frame = pd.read_csv(SHARED_DATA / "creditcard" / "creditcard_sample.csv.gz")
    params = AutoencoderParams(hidden=(25, 20, 10, 5), dropout=0.1, recipe="clean", seed=seed)
    feeder = TabularFeederParams(exclude_column=("Time", "Class"))
    return one_class(frame, frame["Class"].to_numpy(), params, feeder, train_share=0.8)


def main(argv: Sequence[str]) -> None:
    run_seeds("cards", __doc__, argv, measure)


if __name__ == "__main__":
    main(sys.argv[1:])
