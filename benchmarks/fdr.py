"""False discovery rate on card transactions (../shared/data): how many of those flagged at 10 % are none."""

import io
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from algorithms.autoencoder.job import fit
from algorithms.events import EventStream
from algorithms.jobs import ARTIFACT_FOLDER, ConvertJob, FitJob
from algorithms.scorer import Scorer
from algorithms.tables.convert import convert
from algorithms.tabular.table import Table
from algorithms.verdicts import Calibration, Verdict
from benchmarks.one_class import SHARED_DATA
from benchmarks.report import machine, parser, print_table, write_json

LEVEL = 0.1
BATCH = 1000
SHARES = (0.05, 0.1, 0.2)
"""Planted frauds of a batch."""
NETCONF = {"n_hidden": [25, 20, 10, 5], "dropout": 0.1, "recipe": "clean"}
FROZEN_SEED = 0

Scores = NDArray[np.float64]


class Cards(NamedTuple):
    """Transactions without their time: normal ones and frauds."""

    normal: pd.DataFrame
    frauds: pd.DataFrame


class Trained(NamedTuple):
    """What the service has of a model that learned from some of the normal transactions, and the others."""

    scorer: Scorer
    calibration: Calibration
    unseen: pd.DataFrame

    def scores(self, frame: pd.DataFrame) -> Scores:
        return self.scorer.score_table(Table.from_frame(frame))[0]


def read_cards() -> Cards:
    frame = pd.read_csv(SHARED_DATA / "creditcard" / "creditcard_sample.csv.gz").drop(columns="Time")
    return Cards(*(frame[frame["Class"] == label].drop(columns="Class") for label in (0, 1)))


def train(normal: pd.DataFrame, share: float, seed: int, epochs: int | None) -> Trained:
    """Train on a random share of the normal rows as the service does, which holds out a tenth of them itself."""
    order = np.random.default_rng(seed).permutation(len(normal))
    learned, unseen = np.split(order, [round(share * len(order))])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        normal.iloc[learned].to_csv(folder / "rows.csv", index=False)
        convert(ConvertJob(source=folder / "rows.csv", parquet=folder / "rows.parquet"))
        netconf = {**NETCONF, "seed": seed, **({} if epochs is None else {"epochs": epochs})}
        job = FitJob(
            workflow_type="autoencoder_csv",
            tables={"datasrc": (folder / "rows.parquet",)},
            parameters={"netconf_node": netconf},
            threads=2,
        )
        fit(job, folder, EventStream(io.StringIO()))
        artifact = folder / ARTIFACT_FOLDER
        return Trained(Scorer.load(artifact, threads=2), Calibration.read(artifact), normal.iloc[unseen])


def discoveries(
    normal: Scores, frauds: Scores, share: float, calibration: Calibration, rng: np.random.Generator
) -> dict[str, float]:
    """Return what is flagged of a batch of 1,000 rows drawn without replacement, a share of them frauds."""
    planted = round(share * BATCH)
    batch = np.concatenate([
        rng.choice(frauds, planted, replace=False), rng.choice(normal, BATCH - planted, replace=False)
    ])  # fmt: skip
    flagged = Verdict({"rule": "fdr", "fdr": LEVEL}, None).flag(batch, calibration)
    found, all_flagged = int(flagged[:planted].sum()), int(flagged.sum())
    return {
        "flagged": all_flagged,
        "false_share": (all_flagged - found) / max(1, all_flagged),
        "power": found / planted,
    }


def trained_anew(cards: Cards, seeds: int, epochs: int | None) -> Iterator[tuple[float, dict[str, float]]]:
    """Yield what is found by a model for each seed, in rows that neither trained it nor were held out by it."""
    for seed in range(seeds):
        model = train(cards.normal, 0.8, seed, epochs)
        normal, frauds = model.scores(model.unseen), model.scores(cards.frauds)
        rng = np.random.default_rng(seed)
        for share in SHARES:
            yield share, discoveries(normal, frauds, share, model.calibration, rng)


def frozen(cards: Cards, seeds: int, epochs: int | None) -> Iterator[tuple[float, dict[str, float]]]:
    """Yield what is found by one model; each seed draws anew which unseen rows calibrate and which are in batches."""
    model = train(cards.normal, 0.6, FROZEN_SEED, epochs)
    unseen, frauds = model.scores(model.unseen), model.scores(cards.frauds)
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        drawn = rng.permutation(unseen)
        calibration, normal = Calibration(drawn[: len(drawn) // 2]), drawn[len(drawn) // 2 :]
        for share in SHARES:
            yield share, discoveries(normal, frauds, share, calibration, rng)


def summary(batches: Sequence[dict[str, float]]) -> dict[str, Any]:
    """Return the mean share of false discoveries, its standard error, and the mean share of frauds found."""
    false = np.array([batch["false_share"] for batch in batches])
    return {
        "batches": len(batches),
        "fdr": float(false.mean()),
        "standard_error": float(false.std(ddof=1) / np.sqrt(len(false))) if len(false) > 1 else None,
        "power": float(np.mean([batch["power"] for batch in batches])),
        "flagged": float(np.mean([batch["flagged"] for batch in batches])),
    }


def main(argv: Sequence[str]) -> None:
    arguments = parser("fdr", __doc__)
    arguments.add_argument("--seeds", type=int, default=50, help="how many trainings, and splits (default 50)")
    arguments.add_argument("--quick", action="store_true", help="three seeds, few epochs")
    options = arguments.parse_args(argv)
    described = machine()
    seeds, epochs = (3, 3) if options.quick else (options.seeds, None)
    cards, results = read_cards(), {}
    for name, found in (("trained anew", trained_anew), ("frozen", frozen)):
        every = list(found(cards, seeds, epochs))
        by_share = {f"{share:.0%} frauds": [one for of, one in every if of == share] for share in SHARES}
        results[name] = {"seeds": seeds, "all": summary([one for _, one in every])} | {
            share: {**summary(batches), "false_shares": [batch["false_share"] for batch in batches]}
            for share, batches in by_share.items()
        }
    columns = ["batches", "fdr", "standard_error", "power", "flagged"]
    print_table(
        ["model", "batches of", *columns],
        [
            [name, batch, *(one[column] for column in columns)]
            for name, of_model in results.items()
            for batch, one in of_model.items()
            if isinstance(one, dict)
        ],
    )
    write_json(options.json, "fdr", described, {"level": LEVEL, "rows": BATCH, **results})


if __name__ == "__main__":
    main(sys.argv[1:])
