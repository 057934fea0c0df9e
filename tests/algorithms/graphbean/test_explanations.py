import math

import numpy as np
import pytest

from algorithms.graphbean.encoder import GraphEncoder
from algorithms.graphbean.graph import Parts
from algorithms.graphbean.params import GraphBEANParams
from algorithms.graphbean.scaling import AttributeScaling
from algorithms.graphbean.scorer import GraphScorer
from algorithms.graphbean.scoring import GraphScoring, Residuals
from tests.algorithms.graphbean.test_scorer import PARAMS, ROWS, SURPRISE, model


def scorer_of(params):
    interactions = GraphEncoder("buyer", "seller", (), ("amount",), {"kind": ("a", "b")}, tuple(ROWS[0]), ())
    made = interactions.graph(interactions.interactions_of_rows(ROWS))
    scaling = AttributeScaling.fit(made.graph, params)
    widths = [columns.width for columns in scaling.columns]
    rng = np.random.default_rng(0)
    sizes = (len(made.graph.x.u), len(made.graph.x.v), made.graph.edges)
    residuals = Residuals(
        Parts(*(rng.normal(size=(size, width)) for size, width in zip(sizes, widths, strict=True))),
        rng.random(made.graph.edges),
    )
    scoring = GraphScoring.fit(params, residuals)
    return GraphScorer(model(widths), scaling, scoring, Parts(1.0, 1.0, 1.0), interactions.attributes, interactions)


@pytest.fixture(params=["reconstruction", "collective"])
def scorer(request):
    return scorer_of(PARAMS if request.param == "reconstruction" else GraphBEANParams(scoring="collective"))


def without(answer, *names):
    return [{key: value for key, value in row.items() if key not in names} for row in answer]


def test_explained_rows_score_as_without_their_explanation(scorer):
    plain, explained = scorer.score_rows(ROWS), scorer.explain_rows(ROWS)
    for part in ("rows", "u", "v"):
        assert without(explained[part], "explanation", "neighbours") == plain[part]


def test_every_contribution_is_explained_the_largest_first(scorer):
    explained = scorer.explain_rows(ROWS)
    for part in ("rows", "u", "v"):
        for entry in explained[part]:
            shares = [why["contribution"] for why in entry["explanation"]]
            assert shares == sorted(shares, reverse=True)
            assert {why["column"]: why["contribution"] for why in entry["explanation"]} == pytest.approx(
                entry["contributions"]
            )
            assert all(why["text"] for why in entry["explanation"])


def test_an_attribute_has_its_actual_value_beside_the_expected_one(scorer):
    of_pair = {why["column"]: why for why in scorer.explain_rows(ROWS)["rows"][0]["explanation"]}
    assert of_pair["sum amount"]["actual"] == 40
    assert math.isfinite(of_pair["sum amount"]["expected"])
    assert of_pair["sum amount"]["text"].startswith("sum amount is 40, the model expected ")


def test_the_structure_tells_how_probable_the_pair_was():
    (structure,) = (
        why for why in scorer_of(PARAMS).explain_rows(ROWS)["rows"][0]["explanation"] if why["column"] == "structure"
    )
    assert structure["surprise"] == pytest.approx(SURPRISE, rel=1e-5)
    assert structure["probability"] == pytest.approx(math.exp(-SURPRISE), rel=1e-5)


def test_a_node_names_the_neighbours_whose_pairs_score_highest(scorer):
    rows = [*ROWS, {"buyer": "ann", "seller": "far", "amount": 9_000, "kind": "b"}]
    explained = scorer.explain_rows(rows)
    (ann,) = (node for node in explained["u"] if node["id"] == "ann")
    pairs = {row["v"]: row["score"] for row in explained["rows"] if row["u"] == "ann"}
    assert {near["id"]: near["score"] for near in ann["neighbours"]} == pairs
    assert [near["score"] for near in ann["neighbours"]] == sorted(pairs.values(), reverse=True)
    assert all(near["because"] for near in ann["neighbours"])
