"""Every verdict is by the rule in force, and says by which: of predictions, of pages of scores, of results."""

import csv
import io
from typing import Any

import numpy as np
import pytest

from algorithms.scorer import Scorer
from tests.workflows.conftest import EVALUATION, GRAPH_PREDICT, PREDICT, RESULT, Api, place_of, vouch
from workflows.models import Rule, Run

SCORES = f"{RESULT}scores/"
ROWS = [{"grade": "ABC"[n % 3], "temperature": 1500.0 + 40 * (n % 3), "weight": 150.0 + 11 * n} for n in range(12)]
CLAIMS = [{"PERSON": f"p{n % 5}", "DOCTOR": f"d{n % 2}", "AMOUNT": 10.0 + 100 * n} for n in range(20)]


def steer(api: Api, **rule: Any) -> int:
    """Set a rule; return its id."""
    answer = api.put(EVALUATION, rule)
    assert answer.status == 200, answer.body
    return answer.body["in_force"]["threshold_id"]


def predicted(api: Api, rows: list[dict[str, Any]], path: str = PREDICT, **options: Any) -> Any:
    answer = api.post(path, {"input_data": rows, **options})
    assert answer.status == 200, answer.body
    return answer.body


def test_a_prediction_says_by_which_rule_it_judges(serving_rows: Api) -> None:
    body = predicted(serving_rows, ROWS)
    rule = Rule.objects.get()
    assert (body["threshold_id"], body["rule"], body["threshold"]) == (rule.pk, rule.rule, rule.value["value"])
    assert [row["anomaly"] for row in body["rows"]] == [row["score"] > body["threshold"] for row in body["rows"]]


def test_a_rule_that_is_set_holds_for_the_next_prediction(serving_rows: Api) -> None:
    scores = sorted(row["score"] for row in predicted(serving_rows, ROWS)["rows"])
    threshold_id = steer(serving_rows, threshold=scores[3])
    body = predicted(serving_rows, ROWS)
    assert (body["threshold_id"], body["threshold"]) == (threshold_id, scores[3])
    assert sum(row["anomaly"] for row in body["rows"]) == len(ROWS) - 4


def test_the_rows_of_a_request_are_one_batch_of_which_top_k_are_anomalies(serving_rows: Api) -> None:
    steer(serving_rows, threshold_rule="top_k", top_k=3)
    body = predicted(serving_rows, ROWS)
    falling = sorted(body["rows"], key=lambda row: -row["score"])
    assert [row["anomaly"] for row in falling] == [True] * 3 + [False] * 9
    assert falling[3]["score"] <= body["threshold"] < falling[2]["score"]
    assert [row["anomaly"] for row in predicted(serving_rows, ROWS[:1] * 5)["rows"]] == [True] * 3 + [False] * 2


def test_a_false_discovery_rate_gives_p_values_and_no_threshold_when_nothing_is_flagged(serving_rows: Api) -> None:
    steer(serving_rows, threshold_rule="fdr", fdr=0.2)
    body = predicted(serving_rows, [{"grade": "A", "temperature": 1500.0, "weight": 9000.0 + n} for n in range(9)])
    assert body["rule"] == {"rule": "fdr", "fdr": 0.2}
    assert all(row["anomaly"] and row["p_value"] < 0.02 for row in body["rows"])
    assert body["threshold"] < min(row["score"] for row in body["rows"])
    quiet = predicted(serving_rows, [{"grade": "A", "temperature": 1500.0, "weight": 150.0}])
    assert quiet["threshold"] is None
    assert not quiet["rows"][0]["anomaly"]
    assert 0.2 < quiet["rows"][0]["p_value"] <= 1


def test_each_part_of_a_graph_is_a_batch_and_an_edge_is_judged_once(serving_graph: Api) -> None:
    steer(serving_graph, threshold_rule="top_k", top_k=2)
    body = predicted(serving_graph, CLAIMS, GRAPH_PREDICT)
    for part in "uv":
        assert sum(node["anomaly"] for node in body[part]) == 2
    flagged = {(row["u"], row["v"]) for row in body["rows"] if row["anomaly"]}
    assert len(flagged) == 2
    assert all(row["anomaly"] == ((row["u"], row["v"]) in flagged) for row in body["rows"])
    assert body["threshold"] == body["thresholds"]["e"]


def test_rows_keep_the_ids_they_are_given(serving_rows: Api) -> None:
    ids = [f"order {n}" for n in range(len(ROWS))]
    assert [row["row_id"] for row in predicted(serving_rows, ROWS, row_ids=ids)["rows"]] == ids


def test_rows_without_ids_get_some_that_no_other_row_has(serving_rows: Api) -> None:
    drawn = [row["row_id"] for _ in range(3) for row in predicted(serving_rows, ROWS)["rows"]]
    assert len(set(drawn)) == 3 * len(ROWS)
    assert all(0 < len(row_id) <= 64 for row_id in drawn)


@pytest.mark.parametrize(
    ("ids", "why"),
    [
        (["a"], "1 ids for 2 rows"),
        (["a", "a"], "twice"),
        (["a", "7-12"], "scoring job"),
        (["a", "b" * 65], "64"),
        (["a", ""], "blank"),
        ("ab", "list"),
    ],
)
def test_ids_that_cannot_name_the_rows_are_refused(serving_rows: Api, ids: Any, why: str) -> None:
    answer = serving_rows.post(PREDICT, {"input_data": ROWS[:2], "row_ids": ids})
    assert answer.status == 400
    assert why in str(answer.body["errors"])


@pytest.mark.parametrize("option", [{"row_ids": ["a"]}, {"explain": True}])
def test_a_code_has_neither_id_nor_explanation(serving_rows: Api, option: dict[str, Any]) -> None:
    answer = serving_rows.post(PREDICT.replace("anomaly", "autoencoder"), {"input_data": ROWS[:1], **option})
    assert answer.status == 400
    assert list(answer.body["errors"]) == list(option)


def test_a_code_names_the_rule_too(serving_rows: Api) -> None:
    steer(serving_rows, threshold_rule="top_k", top_k=3)
    body = predicted(serving_rows, ROWS, PREDICT.replace("anomaly", "autoencoder"), type="encoder")
    assert (body["rule"], body["threshold"]) == ({"rule": "top_k", "top_k": 3}, None)


@pytest.mark.skipif(not hasattr(Scorer, "explain_rows"), reason="no scorer explains its rows yet")
@pytest.mark.parametrize(
    ("serving", "path", "rows"), [("serving_rows", PREDICT, ROWS), ("serving_graph", GRAPH_PREDICT, CLAIMS)]
)
def test_rows_are_explained_when_asked(serving: str, path: str, rows: Any, request: pytest.FixtureRequest) -> None:
    api: Api = request.getfixturevalue(serving)
    plain, explained = predicted(api, rows, path), predicted(api, rows, path, explain=True)
    for without, row in zip(plain["rows"], explained["rows"], strict=True):
        assert row["explanation"]
        assert {name: row[name] for name in ("score", "anomaly")} == {
            name: without[name] for name in ("score", "anomaly")
        }


def test_pages_of_scores_follow_the_rule(serving_rows: Api) -> None:
    scores = np.load(place_of(Run.objects.get().artifact_prefix) / "scores.datasrc.npy")
    threshold_id = steer(serving_rows, threshold_rule="top_k", top_k=7)
    page = serving_rows.get(f"{SCORES}?page_size=1000").body
    assert (page["threshold_id"], page["rule"]) == (threshold_id, {"rule": "top_k", "top_k": 7})
    assert [row["anomaly"] for row in page["scores"]] == [True] * 7 + [False] * (len(scores) - 7)
    by_row = serving_rows.get(f"{SCORES}?page_size=1000&sort=row").body["scores"]
    assert {row["row"] for row in by_row if row["anomaly"]} == {row["row"] for row in page["scores"][:7]}
    lines = csv.DictReader(io.StringIO(serving_rows.get(f"{SCORES}?download=csv").body.decode()))
    assert sum(line["anomaly"] == "1" for line in lines) == 7


def test_of_equal_scores_in_a_page_the_earlier_rows_are_the_top(serving_rows: Api) -> None:
    artifact = place_of(Run.objects.get().artifact_prefix)
    np.save(artifact / "scores.datasrc.npy", np.ones(300))
    np.save(artifact / "order.datasrc.npy", np.arange(300))
    vouch(artifact)
    steer(serving_rows, threshold_rule="top_k", top_k=5)
    for order in ("row", "score"):
        rows = serving_rows.get(f"{SCORES}?sort={order}").body["scores"]
        assert [row["row"] for row in rows if row["anomaly"]] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("serving", ["serving_rows", "serving_graph"])
def test_pages_follow_a_false_discovery_rate(serving: str, request: pytest.FixtureRequest) -> None:
    api: Api = request.getfixturevalue(serving)
    steer(api, threshold_rule="fdr", fdr=0.5)
    page = api.get(f"{SCORES}?page_size=1000").body
    cut = page["threshold"]
    assert [row["anomaly"] for row in page["scores"]] == [
        cut is not None and row["score"] > cut for row in page["scores"]
    ]
    assert api.get(f"{SCORES}?page_size=1000").body == page


def test_a_result_is_as_trained_beside_the_rule_in_force(serving_rows: Api) -> None:
    before = serving_rows.get(RESULT).body
    threshold_id = steer(serving_rows, threshold=3.0)
    after = serving_rows.get(RESULT).body
    assert (after["threshold_id"], after["rule"], after["value"]) == (
        threshold_id,
        {"rule": "fixed", "threshold": 3.0},
        {"value": 3.0},
    )
    assert {name for name in after if after[name] != before[name]} == {"threshold_id", "rule", "value"}
