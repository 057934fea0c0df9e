import json

import numpy as np
import pytest
from scipy.stats import false_discovery_control

from algorithms.artifacts import write_artifact
from algorithms.errors import ArtifactCorrupt, ArtifactIncompatible
from algorithms.verdicts import MOST_SCORES, Calibration, Verdict

TEN = Calibration(np.arange(1.0, 11.0))
EVERY_RULE = [
    Verdict({"rule": "contamination", "contamination": 0.1}, 2.0),
    Verdict({"rule": "fixed", "threshold": 2.0}, 2.0),
    Verdict({"rule": "best_f1"}, 2.0),
    Verdict({"rule": "top_k", "top_k": 3}, None),
    Verdict({"rule": "fdr", "fdr": 0.2}, None),
]


def top(count):
    return Verdict({"rule": "top_k", "top_k": count}, None)


def rate(level):
    return Verdict({"rule": "fdr", "fdr": level}, None)


def test_a_p_value_counts_the_held_out_scores_that_are_as_high():
    assert TEN.p_values([0.0, 1.0, 5.5, 10.0, 99.0]) == pytest.approx([1.0, 1.0, 6 / 11, 2 / 11, 1 / 11])


def test_a_percentile_is_the_share_of_the_held_out_scores_that_are_as_low():
    assert TEN.percentiles([0.0, 1.0, 5.5, 10.0, 99.0]) == pytest.approx([0.0, 10.0, 50.0, 100.0, 100.0])


def test_a_quantile_is_one_of_the_held_out_scores():
    assert (TEN.quantile(0.0), TEN.quantile(0.5), TEN.quantile(1.0)) == (1.0, 5.5, 10.0)


def test_p_values_of_rows_like_the_held_out_ones_are_as_small_as_they_say():
    rng = np.random.default_rng(0)
    p_values = Calibration(rng.gamma(2.0, size=5000)).p_values(rng.gamma(2.0, size=5000))
    for level in (0.01, 0.1, 0.5):
        assert (p_values <= level).mean() == pytest.approx(level, rel=0.25)


def test_of_many_scores_a_random_part_is_kept_by_the_seed():
    scores = np.random.default_rng(0).random(3 * MOST_SCORES)
    kept = Calibration(scores, seed=1)
    assert len(kept.scores) == MOST_SCORES
    assert kept.quantile(0.9) == pytest.approx(0.9, abs=0.01)
    assert np.array_equal(kept.scores, Calibration(scores, seed=1).scores)
    assert not np.array_equal(kept.scores, Calibration(scores, seed=2).scores)
    assert np.isin(kept.scores, scores).all()


@pytest.mark.parametrize("scores", [[], [1.0, np.nan], [[1.0]]])
def test_a_calibration_of_no_numbers_is_refused(scores):
    with pytest.raises(ValueError, match="held-out score"):
        Calibration(scores)


def test_the_given_scores_stay_in_their_order():
    scores = np.array([3.0, 1.0, 2.0])
    assert Calibration(scores).scores.tolist() == [1.0, 2.0, 3.0]
    assert scores.tolist() == [3.0, 1.0, 2.0]


@pytest.mark.parametrize("part", [None, "u", "v", "e"])
def test_a_calibration_is_read_as_it_was_written(tmp_path, part):
    with write_artifact(tmp_path / "artifact") as folder:
        TEN.write(folder, part)
    assert np.array_equal(Calibration.read(tmp_path / "artifact", part).scores, TEN.scores)


def test_an_artifact_of_an_earlier_release_is_told_to_be_trained_again(tmp_path):
    with write_artifact(tmp_path / "artifact") as folder:
        (folder / "model.onnx").write_bytes(b"a model")
    with pytest.raises(ArtifactIncompatible, match=r"has no calibration\.e\.npy.*train the model again"):
        Calibration.read(tmp_path / "artifact", "e")


@pytest.mark.parametrize("damage", ["changed", "missing"])
def test_a_damaged_calibration_is_found_out(tmp_path, damage):
    with write_artifact(tmp_path / "artifact") as folder:
        TEN.write(folder)
    path = tmp_path / "artifact" / "calibration.npy"
    if damage == "changed":
        np.save(path, TEN.scores + 1)
    else:
        path.unlink()
    with pytest.raises(ArtifactCorrupt, match=r"calibration\.npy"):
        Calibration.read(tmp_path / "artifact")


def test_a_row_at_the_threshold_is_no_anomaly():
    verdict = Verdict({"rule": "fixed", "threshold": 2.0}, 2.0)
    assert verdict.flag([1.0, 2.0, 3.0], None).tolist() == [False, False, True]
    assert verdict.cut([1.0], None) == 2.0


def test_the_highest_scores_of_the_batch_are_anomalies():
    scores = [5.0, 1.0, 9.0, 7.0]
    assert top(2).flag(scores, None).tolist() == [False, False, True, True]
    assert top(2).cut(scores, None) == np.nextafter(7.0, 0.0)


def test_of_equal_scores_the_earlier_rows_are_the_highest():
    scores = [1.0, 4.0, 4.0, 9.0, 4.0]
    assert top(3).flag(scores, None).tolist() == [False, True, True, True, False]
    assert top(3).cut(scores, None) == np.nextafter(4.0, 0.0)


@pytest.mark.parametrize("count", [3, 4, 10**9])
def test_with_more_to_flag_than_rows_all_are_anomalies(count):
    assert top(count).flag([2.0, 1.0, 3.0], None).all()
    assert top(count).cut([2.0, 1.0, 3.0], None) == np.nextafter(1.0, 0.0)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("level", [0.05, 0.1, 0.3])
def test_a_false_discovery_rate_flags_what_scipy_says(seed, level):
    rng = np.random.default_rng(seed)
    calibration = Calibration(rng.normal(size=997).round(1))
    scores = np.concatenate([rng.normal(size=90), rng.normal(4.0, size=10)]).round(1)
    adjusted = false_discovery_control(calibration.p_values(scores), method="bh")
    flagged = rate(level).flag(scores, calibration)
    assert flagged.tolist() == (adjusted <= level).tolist()
    cut = rate(level).cut(scores, calibration)
    assert flagged.tolist() == [cut is not None and score > cut for score in scores]


def test_the_rate_of_false_discoveries_is_kept_on_average():
    rates, found = [], []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        scores = np.concatenate([rng.normal(size=180), rng.normal(4.0, size=20)])
        flagged = rate(0.1).flag(scores, Calibration(rng.normal(size=2000)))
        rates.append(flagged[:180].sum() / max(1, flagged.sum()))
        found.append(flagged[180:].mean())
    assert 0.05 < np.mean(rates) < 0.11
    assert np.mean(found) > 0.8


def test_a_batch_without_anything_odd_has_no_threshold():
    assert not rate(0.1).flag([1.0, 2.0, 3.0], TEN).any()
    assert rate(0.1).cut([1.0, 2.0, 3.0], TEN) is None


def test_a_false_discovery_rate_without_held_out_scores_is_refused():
    with pytest.raises(ValueError, match="held-out scores"):
        rate(0.1).flag([1.0], None)


def test_a_rule_without_its_value_is_refused():
    with pytest.raises(ValueError, match="'best_f1' needs its value"):
        Verdict({"rule": "best_f1"}, None).flag([1.0], None)


@pytest.mark.parametrize("verdict", EVERY_RULE, ids=lambda verdict: verdict.rule["rule"])
def test_an_empty_batch_has_no_anomalies(verdict):
    assert verdict.flag([], TEN).tolist() == []
    assert verdict.cut([], TEN) == verdict.value


@pytest.mark.parametrize("verdict", EVERY_RULE, ids=lambda verdict: verdict.rule["rule"])
def test_the_threshold_of_a_batch_says_which_rows_were_flagged(verdict):
    scores = np.random.default_rng(0).permutation(np.linspace(0.0, 20.0, 57))
    cut = verdict.cut(scores, TEN)
    assert cut is not None
    assert np.array_equal(verdict.flag(scores, TEN), scores > cut)
    assert json.loads(json.dumps(cut)) == cut
