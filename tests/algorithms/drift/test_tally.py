import json

import pytest

from algorithms.drift.tally import Tally, evenly
from tests.algorithms.drift.references import amounts, reference, tally


def test_tallies_add_up_to_that_of_all_rows():
    trained, rows = reference(), amounts(900, seed=1)
    whole = tally(trained, rows)
    parts = sum(
        (tally(trained, {name: v[i : i + 100] for name, v in rows.items()}) for i in range(0, 900, 100)), Tally()
    )
    assert (parts.rows, parts.anomalies, parts.counted) == (whole.rows, whole.anomalies, whole.counted)
    assert {name: c.tolist() for name, c in parts.columns.items()} == {n: c.tolist() for n, c in whole.columns.items()}
    assert parts.scores.counts.tolist() == whole.scores.counts.tolist()
    assert parts.score_mean == pytest.approx(whole.score_mean)
    assert parts.contribution_means == pytest.approx(whole.contribution_means)


def test_a_tally_survives_json():
    made = tally(reference(), amounts(300, seed=1))
    stored = json.loads(json.dumps(made.to_json()))
    assert Tally.from_json(stored).to_json() == made.to_json()
    assert Tally.from_json(Tally().to_json()).score_mean is None


def test_a_tally_stays_small():
    assert len(json.dumps(tally(reference(), amounts(5000, seed=1)).to_json())) < 1000


def test_tallies_of_different_models_do_not_add_up():
    fine, coarse = reference(), reference(kinds=2)
    with pytest.raises(ValueError, match="different models"):
        tally(fine, amounts(10)) + tally(coarse, amounts(10, kinds=2))


def test_a_column_that_only_some_requests_had_counts_their_rows():
    trained, rows = reference(), amounts(50)
    lacking = {name: values for name, values in rows.items() if name != "kind"}
    both = tally(trained, rows) + tally(trained, lacking)
    assert (both.rows, both.columns["kind"].sum(), both.columns["amount"].sum()) == (100, 50, 100)


def test_few_rows_are_all_counted():
    assert evenly(8192) == slice(None)


def test_of_many_rows_one_of_each_stretch_is_counted():
    chosen = evenly(65_536)
    assert chosen.tolist() == evenly(65_536).tolist()
    assert (chosen // 8).tolist() == list(range(8192))
    assert len(set((chosen % 8).tolist())) == 8


def test_a_large_block_says_how_many_of_its_rows_were_counted():
    made = tally(reference(), amounts(20_000))
    assert (made.rows, made.counted) == (20_000, 8192)
    assert made.columns["amount"].sum() == made.scores.counts.sum() == 8192
