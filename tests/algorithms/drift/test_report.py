import json
from dataclasses import replace

import numpy as np
import pytest

from algorithms.drift.bins import NumberBins
from algorithms.drift.reference import BinnedColumn
from algorithms.drift.report import drift_report
from algorithms.drift.tally import Tally
from tests.algorithms.drift.references import amounts, reference, scored, tally

TRAINED = reference()


def window(rows=2000, seed=1, **made):
    return amounts(rows, seed=seed, **made)


def report(rows, previous=None):
    return drift_report(TRAINED, tally(TRAINED, rows), previous)


def of_column(found, name, among="columns"):
    return next(entry for entry in found[among] if entry["column"] == name)


def test_rows_of_the_same_kind_are_stable():
    found = report(window())
    assert found["verdict"] == "stable"
    assert found["moved"] == []
    assert found["reason"].startswith("stable: ")


def test_stable_windows_raise_hardly_any_alarm():
    verdicts = [report(window(1000, seed))["verdict"] for seed in range(200)]
    assert verdicts.count("stable") >= 195


def test_a_column_that_moved_much_is_named_in_the_reason():
    found = report(window(mean=115.0))
    assert found["verdict"] == "retrain"
    assert found["moved"] == ["amount"]
    assert found["reason"] == "retrain: amount and the scores moved"
    assert found["columns"][0]["column"] == "amount"
    assert found["scores"]["moved"]


def test_a_column_that_moved_a_little_is_watched():
    found = report(window(mean=104.0))
    assert found["verdict"] == "watch"
    assert found["reason"] == "watch: amount moved"


def test_the_column_that_moved_most_comes_first():
    rows = window(mean=120.0)
    rows["kind"] = np.where(np.arange(2000) % 3 == 0, "k3", rows["kind"]).astype(object)
    found = report(rows)
    assert found["moved"] == ["amount", "kind"]
    assert found["reason"].startswith("retrain: amount and kind")


def test_unseen_categories_are_counted_and_move_their_column():
    rows = window()
    rows["kind"][:600] = "k9"
    entry = of_column(report(rows), "kind")
    assert entry["unseen"] == {"training": 0.0, "window": 0.3}
    assert entry["moved"]


def test_missing_values_are_counted_and_move_their_column():
    rows = window()
    rows["amount"][:500] = np.nan
    trained = TRAINED.tally(rows, np.zeros(2000), np.zeros((2000, 2), np.float32), 0)
    entry = of_column(drift_report(TRAINED, trained), "amount")
    assert entry["missing"] == {"training": 0.0, "window": 0.25}
    assert entry["unseen"] is None
    assert entry["moved"]


def test_dates_move_on_without_an_alarm():
    found = report(window(first_day="2026-03-01"))
    assert found["verdict"] == "stable"
    entry = found["columns"][0]
    assert (entry["column"], entry["kind"], entry["moved"]) == ("day", "date", False)
    assert entry["psi"] > 1


def test_few_rows_have_no_verdict():
    found = report(window(400, mean=200.0))
    assert found["verdict"] == "too few rows"
    assert found["reason"] == "too few rows: 400 of the 1,000 that a verdict takes, 600 are missing"
    assert found["moved"] == []
    assert found["columns"][0]["psi"] > 1


def test_a_window_without_rows_has_no_distances():
    found = drift_report(TRAINED, Tally())
    assert found["verdict"] == "too few rows"
    assert found["scores"]["psi"] is None
    assert found["anomalies"] == {"rows": 0, "share": None}


def test_the_window_before_is_compared_too():
    moved = window(mean=120.0)
    since = report(moved, previous=tally(TRAINED, window(seed=2)))
    again = report(moved, previous=tally(TRAINED, window(seed=3, mean=120.0)))
    assert of_column(since, "amount")["previous"]["psi"] > 1
    assert of_column(again, "amount")["previous"]["psi"] < 0.1
    assert report(moved)["scores"]["previous"] is None
    assert again["verdict"] == "retrain"


def test_only_what_contributes_may_have_moved():
    rows = window()
    contributions = np.stack([np.square((rows["amount"] - 100) / 10), np.full(2000, 30.0)], axis=1)
    found = drift_report(TRAINED, TRAINED.tally(rows, np.full(2000, 1.0), contributions, 0))
    assert found["moved"] == []
    assert found["reason"] == "retrain: the scores and what kind contributes to them moved"
    assert of_column(found, "kind", "contributions")["mean"]["window"] == pytest.approx(30)


def test_a_tally_of_another_model_is_refused():
    other = reference(kinds=2)
    with pytest.raises(ValueError, match="another model"):
        drift_report(TRAINED, tally(other, amounts(2000, kinds=2)))


def test_the_report_is_json():
    found = report(window(), previous=tally(TRAINED, window(seed=2)))
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_scores_of_edges_are_worth_as_many_as_there_are_nodes():
    rows = window()
    scores, shares = scored(rows)
    scores[::2] += 1.5
    of_nodes = {"amount": rows["amount"][:30], "kind": rows["kind"]}
    assert drift_report(TRAINED, TRAINED.tally(rows, scores, shares, 0))["scores"]["moved"]
    assert not drift_report(TRAINED, TRAINED.tally(of_nodes, scores, shares, 0))["scores"]["moved"]


def test_a_constant_column_that_changes_has_moved():
    trained = amounts(3000)
    trained["amount"][:] = 5.0
    bins = NumberBins.fit("number", trained["amount"])
    constant = replace(
        TRAINED, columns={**TRAINED.columns, "amount": BinnedColumn(bins, bins.count(trained["amount"]))}
    )
    rows = window()
    rows["amount"] = np.where(np.arange(2000) % 4 == 0, 6.0, 5.0)
    found = drift_report(constant, tally(constant, rows))
    assert found["moved"] == ["amount"]
