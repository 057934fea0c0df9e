"""Drift on NSL-KDD (../shared/data): false alarms over stable windows, and the columns it names in shifted ones."""

import io
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from algorithms.autoencoder.job import fit
from algorithms.drift.reference import Reference
from algorithms.drift.report import drift_report
from algorithms.drift.tally import Tally
from algorithms.events import EventStream
from algorithms.jobs import ARTIFACT_FOLDER, ConvertJob, FitJob
from algorithms.scorer import Scorer
from algorithms.tables.convert import convert
from algorithms.tabular.table import MOST_BLOCK_ROWS, Table
from benchmarks.one_class import SHARED_DATA
from benchmarks.report import machine, parser, print_table, write_json

WINDOW = 1000
SHIFTED_ROWS = 2000
BYTES = ["src_bytes", "dst_bytes"]
NAMED = 3
TIMED_BLOCKS = 20


class Model(NamedTuple):
    """What the service has of a trained model, and the rows of the same kind that it has not seen."""

    scorer: Scorer
    reference: Reference
    held_out: pd.DataFrame

    def tally(self, frame: pd.DataFrame) -> Tally:
        """Return the tally of a window."""
        table = Table.from_frame(frame)
        scores, contributions = self.scorer.score_table(table)
        return self.reference.tally(table.columns, scores, contributions, int((scores > self.scorer.threshold).sum()))

    def report(self, frame: pd.DataFrame) -> dict[str, Any]:
        return drift_report(self.reference, self.tally(frame))


def connections() -> pd.DataFrame:
    """Return the connections with their `attack`, "normal" for none."""
    return pd.read_csv(SHARED_DATA / "nsl-kdd" / "nsl_kdd_train20.csv.gz").drop(columns="difficulty")


def trained(rows: pd.DataFrame, seed: int, epochs: int | None) -> Model:
    """Train the default autoencoder on a random half of the rows as the service does; the other half is held out."""
    order = np.random.default_rng(seed).permutation(len(rows))
    learned, held_out = rows.iloc[order[: len(rows) // 2]], rows.iloc[order[len(rows) // 2 :]]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        learned.to_csv(folder / "rows.csv", index=False)
        convert(ConvertJob(source=folder / "rows.csv", parquet=folder / "rows.parquet"))
        netconf = {"seed": seed, **({} if epochs is None else {"epochs": epochs})}
        job = FitJob(
            workflow_type="autoencoder_csv",
            tables={"datasrc": (folder / "rows.parquet",)},
            parameters={"netconf_node": netconf},
            threads=2,
        )
        fit(job, folder, EventStream(io.StringIO()))
        artifact = folder / ARTIFACT_FOLDER
        return Model(Scorer.load(artifact, threads=2), Reference.read(artifact), held_out)


def false_alarms(model: Model, windows: int, seed: int) -> dict[str, Any]:
    """Return the verdicts of stable windows, each drawn without replacement from the held-out rows, and of all."""
    rng = np.random.default_rng(seed)
    reports = [
        model.report(model.held_out.iloc[rng.choice(len(model.held_out), WINDOW, replace=False)])
        for _ in range(windows)
    ]
    alarms = [report for report in reports if report["verdict"] != "stable"]
    largest = [
        max(entry["psi"] for entry in (*found["columns"], *found["contributions"], found["scores"]))
        for found in reports
    ]
    return {
        "held_out": model.report(model.held_out)["verdict"],
        "windows": windows,
        "judged": 1 + len(model.reference.columns) + len(model.reference.contributions),
        "alarms": len(alarms),
        "alarm_share": len(alarms) / windows,
        "largest_psi_median": float(np.median(largest)),
        "largest_psi": max(largest),
        "reasons": [found["reason"] for found in alarms],
    }


def with_services(rows: pd.DataFrame, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """Return rows of which a share has another service: one of the less frequent half of them."""
    counts = rows["service"].value_counts()
    seldom = counts.index[len(counts) // 2 :].to_numpy()
    changed = rng.random(len(rows)) < share
    return rows.assign(service=np.where(changed, rng.choice(seldom, len(rows)), rows["service"]))


def with_bytes(rows: pd.DataFrame, factor: float) -> pd.DataFrame:
    """Return rows whose bytes are scaled."""
    return rows.assign(**{name: rows[name] * factor for name in BYTES})


def with_attacks(rows: pd.DataFrame, attacks: pd.DataFrame, share: float, rng: np.random.Generator) -> pd.DataFrame:
    """Return as many rows, of which a share are attacks."""
    count = round(len(rows) * share)
    return pd.concat([rows.iloc[count:], attacks.iloc[rng.choice(len(attacks), count, replace=False)]])


def shifted(model: Model, attacks: pd.DataFrame, seed: int) -> dict[str, dict[str, Any]]:
    """Return what is said of windows that were shifted, by what was done to them."""

    def window(change: Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame]) -> dict[str, Any]:
        rng = np.random.default_rng(seed)
        rows = model.held_out.iloc[rng.choice(len(model.held_out), SHIFTED_ROWS, replace=False)]
        found = model.report(change(rows, rng))
        psi = {entry["column"]: entry["psi"] for entry in found["columns"]}
        return {
            "verdict": found["verdict"],
            "first": found["moved"][:NAMED],
            "first_psi": [psi[name] for name in found["moved"][:NAMED]],
            "moved": found["moved"],
            "scores_psi": found["scores"]["psi"],
            "anomalies": found["anomalies"]["share"],
            "reason": found["reason"],
        }

    return {
        "service, bytes x10, 20 % attacks": window(
            lambda rows, rng: with_attacks(with_bytes(with_services(rows, 0.5, rng), 10), attacks, 0.2, rng)
        ),
        "half of the services": window(lambda rows, rng: with_services(rows, 0.5, rng)),
        "bytes x10": window(lambda rows, rng: with_bytes(rows, 10)),
        "20 % attacks": window(lambda rows, rng: with_attacks(rows, attacks, 0.2, rng)),
        "5 % of the services": window(lambda rows, rng: with_services(rows, 0.05, rng)),
        "2 % attacks": window(lambda rows, rng: with_attacks(rows, attacks, 0.02, rng)),
        "nothing": window(lambda rows, rng: rows),
    }


def speed(model: Model) -> dict[str, Any]:
    """Return how fast blocks of the largest size are scored and tallied."""
    table = Table.from_frame(pd.concat([model.held_out] * (MOST_BLOCK_ROWS // len(model.held_out) + 1)))
    block = table.part(0, MOST_BLOCK_ROWS)
    began = time.perf_counter()
    scores, contributions = model.scorer.score_table(block)
    scored = time.perf_counter()
    for _ in range(TIMED_BLOCKS):
        tally = model.reference.tally(block.columns, scores, contributions, 0)
    tallied = (time.perf_counter() - scored) / TIMED_BLOCKS
    return {
        "rows": tally.rows,
        "counted": tally.counted,
        "columns": len(tally.columns),
        "score_seconds": scored - began,
        "tally_seconds": tallied,
        "tally_microseconds_a_row": 1e6 * tallied / tally.rows,
    }


def measure(seed: int, windows: int, epochs: int | None) -> dict[str, Any]:
    """Return everything of one seed: of a model of normal connections, and of one of all of them, attacks included."""
    every = connections()
    attacks = every[every["attack"] != "normal"].drop(columns="attack")
    normal = trained(every[every["attack"] == "normal"].drop(columns="attack"), seed, epochs)
    mixed = trained(every.drop(columns="attack"), seed, epochs)
    return {
        "normal": false_alarms(normal, windows, seed),
        "all connections": false_alarms(mixed, windows, seed),
        "shifted": shifted(normal, attacks, seed),
        "speed": speed(normal),
    }


def main(argv: Sequence[str]) -> None:
    arguments = parser("drift", __doc__)
    arguments.add_argument("--seeds", type=int, default=3, help="how many splits and trainings (default 3)")
    arguments.add_argument("--windows", type=int, default=200, help="stable windows of a model (default 200)")
    arguments.add_argument("--quick", action="store_true", help="one seed, 20 windows, few epochs")
    options = arguments.parse_args(argv)
    described = machine()
    seeds, windows, epochs = (1, 20, 3) if options.quick else (options.seeds, options.windows, None)
    results = {f"seed {seed}": measure(seed, windows, epochs) for seed in range(seeds)}
    stable = [(name, kind, found[kind]) for name, found in results.items() for kind in ("normal", "all connections")]
    print_table(
        ["seed", "stable rows", "held out", "windows", "alarms", "share", "largest psi"],
        [
            [name, kind, one["held_out"], one["windows"], one["alarms"], one["alarm_share"], one["largest_psi"]]
            for name, kind, one in stable
        ],
    )
    print()
    print_table(
        ["seed", "shifted", "verdict", "first columns", "scores' psi"],
        [
            [name, what, one["verdict"], ", ".join(one["first"]) or "-", one["scores_psi"]]
            for name, found in results.items()
            for what, one in found["shifted"].items()
        ],
    )
    print()
    timed = [found["speed"] for found in results.values()]
    print_table(list(timed[0]), [list(one.values()) for one in timed])
    write_json(options.json, "drift", described, results)


if __name__ == "__main__":
    main(sys.argv[1:])
