import numpy as np
import pytest

from algorithms.drift.reference import Reference
from algorithms.drift.report import drift_report
from algorithms.graphbean.params import GraphFeederParams
from algorithms.graphbean.reading import read_interactions
from algorithms.graphbean.reference import columns_of_graph
from algorithms.graphbean.scorer import GraphScorer
from tests.algorithms.graphbean.test_job import FEEDER, QUICK, run, table


def visits(rows=3000, *, seed=0, more=0.0):
    """Return CSV lines of many persons at many clinics, whose amounts are so much more."""
    rng = np.random.default_rng(seed)
    people, clinics, amounts = rng.integers(400, size=rows), rng.integers(40, size=rows), rng.normal(100, 9, rows)
    return [
        "claim,person,clinic,amount,kind,fraud",
        *(
            f"{i},P{person},C{clinic},{amount + more:.2f},{'abc'[person % 3]},no"
            for i, (person, clinic, amount) in enumerate(zip(people, clinics, amounts, strict=True))
        ),
    ]


@pytest.fixture(scope="module")
def artifact(tmp_path_factory):
    """Train on visits with planted anomalies, once for the tests of this module."""
    folder = tmp_path_factory.mktemp("claims")
    tables = {"datasrc": (table(folder, "a", visits()),)}
    injection = {"num_group": 2, "num_nodes_range": [1, 4]}
    run(folder, tables, feed_train=FEEDER, netconf_node={**QUICK, "iter": 30, "inject_anomalies": injection})
    return folder / "artifact"


@pytest.fixture(scope="module")
def reference(artifact):
    return Reference.read(artifact)


def window(artifact, folder, lines):
    """Return the report of a file of interactions."""
    scorer, reference = GraphScorer.load(artifact), Reference.read(artifact)
    made = scorer.encoder.graph(read_interactions([table(folder, "w", lines)], GraphFeederParams(**FEEDER)))
    found = scorer.score_graph(made.graph)
    columns = columns_of_graph(made.graph, scorer.attributes)
    return drift_report(reference, reference.tally(columns, found.scores.e, found.contributions.e, 0))


def test_the_attributes_of_nodes_and_edges_are_its_columns(artifact, reference):
    attributes = GraphScorer.load(artifact).attributes
    expected = [f"u: {name}" for name in attributes.u] + [f"v: {name}" for name in attributes.v]
    assert list(reference.columns) == [*expected, *(f"edge: {name}" for name in attributes.e)]


def test_the_data_as_uploaded_are_counted_not_the_planted_copy(artifact, reference):
    u, v, e = (len(np.load(artifact / f"scores.datasrc.{part}.npy")) for part in "uve")
    assert reference.rows == e
    counts = {name: binned.counts.sum() for name, binned in reference.columns.items()}
    assert counts["u: distinct clinic"] == u
    assert counts["v: distinct person"] == v
    assert counts["edge: sum amount"] == e


def test_scores_and_contributions_are_those_of_the_edges(artifact, reference):
    scores = np.load(artifact / "scores.datasrc.e.npy")
    assert reference.scores.counted.mean == pytest.approx(scores.mean(), rel=1e-4)
    assert tuple(reference.contributions) == GraphScorer.load(artifact).columns.e


def test_more_interactions_of_the_same_kind_are_stable(artifact, tmp_path):
    found = window(artifact, tmp_path, visits(seed=1))
    assert found["rows"] > 1000
    assert found["verdict"] == "stable", found["reason"]


def test_amounts_that_rose_are_named_first(artifact, tmp_path):
    found = window(artifact, tmp_path, visits(seed=1, more=60.0))
    assert found["verdict"] == "retrain"
    assert all("amount" in name for name in found["moved"])
    assert {"u: mean amount", "v: mean amount", "edge: mean amount", "edge: sum amount"} <= set(found["moved"])
