"""Explanations put to the test: how often a row's, or an edge's, one corrupted column is the first to be named."""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from algorithms.autoencoder.detector import AutoencoderDetector
from algorithms.autoencoder.params import AutoencoderParams
from algorithms.graphbean.detector import GraphBEANDetector
from algorithms.graphbean.encoder import GraphEncoder
from algorithms.graphbean.explanations import GraphExplanation
from algorithms.graphbean.graph import BipartiteGraph, Parts
from algorithms.graphbean.params import GraphBEANParams
from algorithms.graphbean.reading import read_interactions
from algorithms.graphbean.scorer import GraphScorer
from algorithms.tabular.params import TabularFeederParams
from benchmarks.graphbean_claims import PHYSICIANS, claims_parquet
from benchmarks.one_class import SHARED_DATA
from benchmarks.report import machine, parser, print_table, write_json

DEVIATIONS = 10.0
"""How far a corrupted number is from what it was, in standard deviations of its column."""
TRAINED = 0.8
STEEL = Path(__file__).resolve().parent.parent / "examples" / "steel.csv"


def cards() -> tuple[pd.DataFrame, AutoencoderParams, TabularFeederParams]:
    """Return the normal card transactions and what they are trained with: numbers only."""
    frame = pd.read_csv(SHARED_DATA / "creditcard" / "creditcard_sample.csv.gz")
    normal = frame[frame["Class"] == 0].drop(columns=["Time", "Class"])
    params = AutoencoderParams(hidden=(25, 20, 10, 5), dropout=0.1, recipe="clean")
    return normal, params, TabularFeederParams()


def steel() -> tuple[pd.DataFrame, AutoencoderParams, TabularFeederParams]:
    """Return the bundled slabs without a defect: five columns of categories, one of numbers that are categories."""
    frame = pd.read_csv(STEEL)
    normal = frame[frame["DEFECT"] == 0].drop(columns="DEFECT")
    return normal, AutoencoderParams(recipe="clean"), TabularFeederParams(categorical_column=("CAST_STR_NUM",))


def connections() -> tuple[pd.DataFrame, AutoencoderParams, TabularFeederParams]:
    """Return the normal connections of NSL-KDD: three columns of categories."""
    frame = pd.read_csv(SHARED_DATA / "nsl-kdd" / "nsl_kdd_train20.csv.gz")
    normal = frame[frame["attack"] == "normal"].drop(columns=["attack", "difficulty"])
    return normal, AutoencoderParams(recipe="clean"), TabularFeederParams(vocab_size=70)


TABLES = {"cards": cards, "steel": steel, "nsl-kdd": connections}


def corrupted(
    frame: pd.DataFrame, columns: Sequence[str], categories: Sequence[str], trained: pd.DataFrame,
    rng: np.random.Generator,
) -> tuple[list[dict[str, Any]], list[str]]:  # fmt: skip
    """Return the rows as JSON values, each with one column corrupted, and which.

    A number moves by ten standard deviations of the rows trained on, up or down. A category becomes another one that
    they have, such that none of them has this row's categories together: of two strands of a caster one is as good as
    the other, so one in the place of the other corrupts nothing. A row without any such category has another column
    corrupted.
    """
    rows, chosen = frame.to_dict("records"), []
    values = {name: np.sort(trained[name].unique()) for name in categories}
    known = set(trained[list(categories)].itertuples(index=False, name=None))
    deviations = {name: float(trained[name].std()) for name in columns if name not in categories}
    for row in rows:
        for name in rng.permutation(np.array(columns, object)).tolist():
            if name in deviations:
                row[name] = float(row[name] + rng.choice((-1.0, 1.0)) * DEVIATIONS * deviations[name])
                break
            others = [
                value for value in values[name] if tuple({**row, name: value}[c] for c in categories) not in known
            ]
            if others:
                row[name] = rng.choice(np.array(others, object))
                break
        if isinstance(row[name], np.generic):
            row[name] = row[name].item()
        chosen.append(name)
    return rows, chosen


def places(explained: Sequence[Sequence[dict[str, Any]]], chosen: Sequence[str]) -> list[int]:
    """Return where the chosen column stands in each explanation, 0 for the first."""
    return [[entry["column"] for entry in columns].index(name) for columns, name in zip(explained, chosen, strict=True)]


def of_table(name: str, seed: int, most: int, epochs: int | None) -> dict[str, Any]:
    """Train on four fifths of the rows, corrupt others; tell how often the corrupted column is named first."""
    frame, params, feeder = TABLES[name]()
    rng = np.random.default_rng(seed)
    trained, held_out = np.split(rng.permutation(len(frame)), [round(TRAINED * len(frame))])
    params = params.model_copy(update={"seed": seed, **({} if epochs is None else {"epochs": epochs})})
    scorer = AutoencoderDetector(params, feeder, threads=2).fit(frame.iloc[trained]).scorer
    kinds = scorer.encoder.kinds
    categories = [column for column in scorer.columns if kinds[column] in ("text", "code")]
    rows, chosen = corrupted(
        frame.iloc[held_out[:most]], scorer.columns, categories, frame.iloc[trained], rng
    )  # fmt: skip
    at = np.array(places([answer["explanation"] for answer in scorer.explain_rows(rows)], chosen))
    is_category = np.isin(chosen, categories)
    return {
        "corrupted": len(rows),
        "columns": len(scorer.columns),
        "first": float((at == 0).mean()),
        "first_three": float((at < 3).mean()),
        "numbers": float((at[~is_category] == 0).mean()) if (~is_category).any() else None,
        "categories": float((at[is_category] == 0).mean()) if is_category.any() else None,
    }


def claims(folder: Path, seed: int) -> tuple[GraphEncoder, BipartiteGraph, BipartiteGraph]:
    """Return an encoder and two graphs of health claims, of four fifths of the patients and of the others."""
    rows = pd.read_parquet(claims_parquet(folder))
    patients = rows["BeneID"].unique()
    trained = np.random.default_rng(seed).permutation(patients)[: round(TRAINED * len(patients))]
    learns = rows["BeneID"].isin(trained)
    rows[learns].to_parquet(folder / "trained.parquet", index=False)
    rows[~learns].to_parquet(folder / "new.parquet", index=False)
    read = [read_interactions([folder / f"{name}.parquet"], PHYSICIANS) for name in ("trained", "new")]
    encoder = GraphEncoder.fit(read[0], PHYSICIANS)
    return encoder, encoder.graph(read[0]).graph, encoder.graph(read[1]).graph


def corrupted_edges(
    graph: BipartiteGraph, deviations: np.ndarray, count: int, rng: np.random.Generator
) -> tuple[BipartiteGraph, np.ndarray, np.ndarray]:
    """Return the graph, one attribute of some edges moved by ten standard deviations; which edges, which attributes."""
    edges = rng.choice(graph.edges, min(count, graph.edges), replace=False)
    attributes = rng.integers(graph.widths.e, size=len(edges))
    x = graph.x.e.copy()
    x[edges, attributes] += rng.choice((-1.0, 1.0), len(edges)) * DEVIATIONS * deviations[attributes]
    return BipartiteGraph(graph.edge_index, Parts(graph.x.u, graph.x.v, x)), edges, attributes


def explanation_of(scorer: GraphScorer, graph: BipartiteGraph) -> GraphExplanation:
    """Return what the service would say of a graph."""
    residuals = scorer.residuals(scorer.scaling.apply(graph))
    scores = scorer.scoring.score(graph.edge_index, residuals)
    return GraphExplanation(graph, scorer.scaling, residuals, scores, scorer.attributes, scorer.columns)


def of_edges(seed: int, most: int, epochs: int | None) -> dict[str, Any]:
    """Train on the claims of some patients, corrupt edges of others; tell how often the attribute is named first."""
    with tempfile.TemporaryDirectory() as name:
        encoder, trained, new = claims(Path(name), seed)
    params = GraphBEANParams(seed=seed, **({} if epochs is None else {"epochs": epochs}))
    scorer = GraphBEANDetector(params, encoder, threads=2).fit(trained).scorer
    graph, edges, attributes = corrupted_edges(new, trained.x.e.std(axis=0), most, np.random.default_rng(seed))
    why = explanation_of(scorer, graph)
    chosen = [scorer.attributes.e[attribute] for attribute in attributes.tolist()]
    at = np.array(places([why.of_edge(edge) for edge in edges.tolist()], chosen))
    return {
        "corrupted": len(edges),
        "columns": len(scorer.columns.e),
        "first": float((at == 0).mean()),
        "first_three": float((at < 3).mean()),
        "numbers": float((at == 0).mean()),
        "categories": None,
    }


def main(argv: Sequence[str]) -> None:
    arguments = parser("explain", __doc__)
    arguments.add_argument("--seeds", type=int, default=3, help="how many splits and trainings (default 3)")
    arguments.add_argument("--rows", type=int, default=2000, help="most rows, or edges, to corrupt (default 2,000)")
    arguments.add_argument("--quick", action="store_true", help="one seed, 200 rows, few epochs")
    options = arguments.parse_args(argv)
    described = machine()
    seeds, most, epochs = (1, 200, 5) if options.quick else (options.seeds, options.rows, None)
    results: dict[str, dict[str, Any]] = {}
    for name in (*TABLES, "health claims, edges"):
        runs = [
            of_table(name, seed, most, epochs) if name in TABLES else of_edges(seed, most, epochs)
            for seed in range(seeds)
        ]
        shares = [key for key in runs[0] if isinstance(runs[0][key], float)]
        means = {key: float(np.mean([run[key] for run in runs])) for key in shares}
        results[name] = {**runs[0], **means, "runs": runs}
    columns = ["corrupted", "columns", "first", "first_three", "numbers", "categories"]
    print_table(["data", *columns], [[name, *(one[key] for key in columns)] for name, one in results.items()])
    write_json(options.json, "explain", described, {"deviations": DEVIATIONS, "seeds": seeds, **results})


if __name__ == "__main__":
    main(sys.argv[1:])
