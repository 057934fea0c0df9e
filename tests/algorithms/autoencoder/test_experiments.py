"""The article's experiments, with the code of the benchmarks that print them."""

import pytest

from benchmarks import blobs, cards, nsl_kdd


@pytest.mark.parametrize("normal_class", [0, 1])
def test_trained_on_one_blob_the_other_scores_higher(normal_class):
    result = blobs.measure(normal_class)
    assert result["roc_auc"] >= 0.98
    assert result["median_anomaly"] > 2 * result["median_normal"]


@pytest.mark.shared_data
@pytest.mark.usefixtures("shared_data")
def test_frauds_score_higher_than_held_out_card_transactions():
    assert cards.measure()["roc_auc"] >= 0.93


@pytest.mark.shared_data
@pytest.mark.usefixtures("shared_data")
def test_attacks_score_higher_than_held_out_connections():
    assert nsl_kdd.measure()["roc_auc"] >= 0.95
