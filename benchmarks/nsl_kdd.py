"""Network connections (../shared/data/nsl-kdd), three categorical columns: trained on normal rows only."""

import sys
from collections.abc import Sequence
from typing import Any

import pandas as pd

from algorithms.autoencoder.params import AutoencoderParams
from algorithms.tabular.params import TabularFeederParams
from benchmarks.one_class import SHARED_DATA, one_class, run_seeds


def measure(seed: int = 0) -> dict[str, Any]:
    """Train the default autoencoder on four fifths of the normal rows, test on the last fifth and every attack."""
    frame = pd.read_csv(SHARED_DATA / "nsl-kdd" / "nsl_kdd_train20.csv.gz")
    params = AutoencoderParams(recipe="clean", seed=seed)
    feeder = TabularFeederParams(vocab_size=70, exclude_column=("attack", "difficulty"))
    return one_class(frame, (frame["attack"] != "normal").to_numpy(), params, feeder, train_share=0.8)


def main(argv: Sequence[str]) -> None:
    run_seeds("nsl_kdd", __doc__, argv, measure)


if __name__ == "__main__":
    main(sys.argv[1:])
