"""The article's six steps on the health claims: graph, planted anomalies, training, evaluation, scores, real labels."""

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from algorithms.graphbean.baselines import baseline_scores
from algorithms.graphbean.detector import GraphBEANDetector
from algorithms.graphbean.encoder import GraphEncoder, InteractionGraph
from algorithms.graphbean.graph import BipartiteGraph, Parts
from algorithms.graphbean.injection import Injected, inject_anomalies
from algorithms.graphbean.lifting import lift_labels
from algorithms.graphbean.memory import keep_freed_memory
from algorithms.graphbean.params import GraphBEANParams, GraphFeederParams, InjectionParams
from algorithms.graphbean.reading import read_interactions
from algorithms.graphbean.structure import structure_metrics
from algorithms.jobs import ConvertJob
from algorithms.labels import binary_labels
from algorithms.tables.convert import convert
from algorithms.tables.source import TableFiles
from benchmarks.graphbean import PLANTED, QUALITY, load_graph, quality
from benchmarks.one_class import SHARED_DATA
from benchmarks.report import machine, parser, print_table, write_json

INJECTION = InjectionParams(num_group=20, num_nodes_range=(1, 20), num_nodes_range2=(1, 6))
PHYSICIANS = GraphFeederParams(
    u_column="BeneID", v_column="AttendingPhysician", count_distinct=("ClaimID", "Provider"),
    numeric_columns=("InscClaimAmtReimbursed",), label_column="PotentialFraud",
)  # fmt: skip
PROVIDERS = GraphFeederParams(
    u_column="Provider", v_column="BeneID", count_distinct=("ClaimID", "AttendingPhysician"),
    numeric_columns=("InscClaimAmtReimbursed",), label_column="PotentialFraud",
)  # fmt: skip
COLLECTIVE, RECONSTRUCTION = {"scoring": "collective", "epochs": 100}, {"scoring": "reconstruction"}
OF_PROVIDERS: dict[str, dict[str, Any]] = {
    "reconstruction": RECONSTRUCTION,
    "reconstruction, sum of edges": {**RECONSTRUCTION, "score_agg": "sum"},
    "reconstruction, sum of edges, log degree": {**RECONSTRUCTION, "score_agg": "sum", "log_degree": True},
    "collective": COLLECTIVE,
}
PUBLISHED = {
    "degree": (0.841, 0.651), "reconstruction": (0.765, 0.443), "collective": (0.577, 0.241),
    "isolation_forest": (0.628, 0.320),
}  # fmt: skip
"""Provider labels, ROC-AUC and average precision, measured before this product was written."""


def main(argv: Sequence[str]) -> None:
    """Run all steps on ../shared/data/healthcare with the product's code; every figure is of this run."""
    arguments = parser("graphbean_claims", f"{__doc__}\n\n{main.__doc__}")
    arguments.add_argument("--epochs", type=int, help="default: 200, and 100 for collective scoring")
    arguments.add_argument("--graphs", type=int, default=3, help="freshly planted graphs (default 3)")
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--quick", action="store_true", help="20 epochs, one planted graph")
    options = arguments.parse_args(argv)
    if options.quick:
        options.epochs, options.graphs = 20, 1
    described = machine()
    keep_freed_memory()
    with tempfile.TemporaryDirectory() as folder:
        claims = claims_parquet(Path(folder))
        made, labels = read_graph(claims, PHYSICIANS)
        print("Step 1, the graph: " + counts_of(made))
        planted = plant(made.graph, options)
        results: dict[str, Any] = {"graph": list(made.graph.sizes), "left_out": sum(made.left_out.values())}
        results["planted"] = evaluate_planted(planted, options)
        results["inductive"] = evaluate_inductively(made.graph, options)
        results["physicians"] = evaluate_labels(
            "physicians, label share at least 0.5", "v", made, labels, {"reconstruction": RECONSTRUCTION}, options
        )
        made, labels = read_graph(claims, PROVIDERS)
        print("\nThe graph of providers and beneficiaries: " + counts_of(made))
        results["providers"] = evaluate_labels("providers", "u", made, labels, OF_PROVIDERS, options)
        print("\nmeasured before (ROC-AUC, average precision): " + ", ".join(f"{k} {v}" for k, v in PUBLISHED.items()))
    write_json(options.json, "graphbean_claims", described, results)


def claims_parquet(folder: Path) -> Path:
    """Return the claims with their providers' label, converted as the service converts an upload."""
    source = SHARED_DATA / "healthcare"
    claims = pd.read_csv(source / "Train_Inpatientdata-1542865627584.csv.gz", dtype=str)
    labels = pd.read_csv(source / "Train-1542865627584.csv", dtype=str)
    claims.merge(labels, on="Provider").to_csv(folder / "claims.csv", index=False)
    convert(ConvertJob(source=folder / "claims.csv", parquet=folder / "claims.parquet"))
    return folder / "claims.parquet"


def read_graph(claims: Path, feeder: GraphFeederParams) -> tuple[InteractionGraph, Parts[np.ndarray]]:
    """Return the graph and its labels, lifted from the rows."""
    interactions = read_interactions([claims], feeder)
    made = GraphEncoder.fit(interactions, feeder).graph(interactions)
    assert feeder.label_column is not None
    rows, notice = binary_labels(TableFiles([claims]).column(feeder.label_column), "label")
    print(notice)
    return made, lift_labels(rows, made, feeder.label_share)


def counts_of(made: InteractionGraph) -> str:
    u, v, e = made.graph.sizes
    widths = "/".join(map(str, made.graph.widths))
    return f"{u:,} u, {v:,} v, {e:,} edges, {widths} attributes; {sum(made.left_out.values())} claims left out"


def plant(graph: BipartiteGraph, options: Any) -> list[Injected]:
    """Return the graph with anomalies planted by some seeds."""
    planted = [inject_anomalies(graph, INJECTION, seed) for seed in range(options.graphs)]
    for seed, injected in enumerate(planted):
        u, v, e = injected.labels.map(lambda labels: int(labels.sum()))
        print(f"Step 2, planted with seed {seed}: {u} u, {v} v and {e} of {injected.graph.edges:,} edges")
    return planted


def fitted(graph: BipartiteGraph, given: Mapping[str, Any], options: Any) -> GraphBEANDetector:
    overruled = {"epochs": options.epochs} if options.epochs else {}
    params = GraphBEANParams.model_validate({**given, **overruled})
    return GraphBEANDetector(params, threads=options.threads).fit(graph)


def evaluate_planted(planted: Sequence[Injected], options: Any) -> dict[str, Any]:
    """Train on each planted graph and print steps 3 to 5: losses, errors, edge prediction, ranking."""
    runs: dict[str, list[dict[str, float]]] = {}
    trainings = {}
    for given in (RECONSTRUCTION, COLLECTIVE):
        for seed, injected in enumerate(planted):
            detector = fitted(injected.graph, {**given, "seed": seed}, options)
            runs.setdefault(given["scoring"], []).append(quality(detector.decision_scores_, injected.labels))
            if seed == 0:
                trainings[given["scoring"]] = describe_training(detector)
            if given is RECONSTRUCTION:
                for name, scores in baseline_scores(detector.examined_.graph).items():
                    runs.setdefault(name, []).append(quality(scores, injected.labels))
    means = {name: {k: float(np.mean([run[k] for run in each])) for k in QUALITY} for name, each in runs.items()}
    print(f"\nStep 5, ranking of planted anomalies, mean of {len(planted)} graphs:")
    print_quality(means)
    return {"training": trainings, "runs": runs, "means": means}


def describe_training(detector: GraphBEANDetector) -> dict[str, Any]:
    """Print and return how the training went and how well attributes and edges are reconstructed."""
    examined, history = detector.examined_, detector.history_
    structure = structure_metrics(detector.fitted_.network, examined.graph, detector.params)
    rmse = examined.residuals.x.map(lambda errors: float(np.sqrt(np.mean(np.square(errors)))))
    chosen = sorted({0, len(history) // 4, len(history) // 2, len(history) - 1})
    print(f"\nStep 3, training for {detector.params.scoring}: {detector.seconds_['train']:.1f} s")
    rows = [history[epoch].to_dict() for epoch in chosen]
    print_table(list(rows[0]), [list(row.values()) for row in rows])
    print(f"Step 4, root mean squared error u {rmse.u:.3f}, v {rmse.v:.3f}, e {rmse.e:.3f}; edge prediction: ", end="")
    print(", ".join(f"{name} {value:.3f}" for name, value in structure.items()))
    return {"history": rows, "rmse": rmse._asdict(), "structure": structure, "seconds": detector.seconds_}


def evaluate_inductively(graph: BipartiteGraph, options: Any) -> dict[str, Any]:
    """Train on the stored planted graph, score the claims with anomalies planted anew, by the stored statistics.

    The stored graph has standardised attributes, so these are standardised too, and its nodes' first two columns are
    claims and partners.
    """
    standard = graph.x.map(lambda x: (x - x.mean(axis=0)) / x.std(axis=0))
    swapped = [1, 0, 2, 3, 4]
    clean = BipartiteGraph(graph.edge_index, Parts(standard.u[:, swapped], standard.v[:, swapped], standard.e))
    injected = inject_anomalies(clean, INJECTION, seed=11)
    stored, labels = load_graph(PLANTED)
    results = {}
    for given in (RECONSTRUCTION, COLLECTIVE):
        detector = fitted(stored, given, options)
        results[f"{given['scoring']}, trained on"] = quality(detector.decision_scores_, labels)
        results[f"{given['scoring']}, new graph"] = quality(detector.decision_function(injected.graph), injected.labels)
        own = fitted(injected.graph, given, options)
        results[f"{given['scoring']}, new graph by a model of its own"] = quality(own.decision_scores_, injected.labels)
    print("\nTrained on the stored planted graph, scoring claims with anomalies planted anew:")
    print_quality(results)
    return results


def evaluate_labels(
    name: str,
    part: str,
    made: InteractionGraph,
    labels: Parts[np.ndarray],
    variants: Mapping[str, Mapping[str, Any]],
    options: Any,
) -> dict[str, Any]:
    """Print step 6: how the scores of one kind of node rank its real labels, beside the baselines."""
    results = {}
    for variant, given in variants.items():
        detector = fitted(made.graph, given, options)
        results[variant] = quality(detector.decision_scores_, labels)
    for baseline, scores in baseline_scores(detector.examined_.graph).items():
        results[baseline] = quality(scores, labels)
    share = float(getattr(labels, part).mean())
    print(f"\nStep 6, real labels of {name} ({share:.1%} positive):")
    rows = [[variant, q[f"{part}_roc_auc"], q[f"{part}_ap"]] for variant, q in results.items()]
    print_table(["scores", "ROC-AUC", "average precision"], rows)
    return {"share": share, **results}


def print_quality(results: Mapping[str, Mapping[str, float]]) -> None:
    print_table(["scores", *QUALITY], [[name, *(figures[k] for k in QUALITY)] for name, figures in results.items()])


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
