import numpy as np
import pytest

from algorithms.autoencoder.detector import AutoencoderDetector
from algorithms.autoencoder.params import AutoencoderParams
from algorithms.autoencoder.scoring import score_source
from tests.algorithms.contract import steel


@pytest.fixture(scope="module")
def detector():
    return AutoencoderDetector(AutoencoderParams(hidden=(4, 2), epochs=2)).fit(steel())


def test_blocks_give_the_scores_of_the_whole_table_and_leave_the_contributions_in_their_file(
    detector, tmp_path, monkeypatch
):
    monkeypatch.setattr("algorithms.tabular.table.MOST_BLOCK_ROWS", 50)
    labels = np.zeros(240, np.int8)
    scored = score_source(detector.scorer, steel(), labels, tmp_path, "datasrc")
    assert scored.scores == pytest.approx(detector.decision_scores_, rel=1e-6)
    assert scored.contributions[:] == pytest.approx(detector.contributions_, rel=1e-5)
    assert np.array_equal(np.load(tmp_path / "contributions.datasrc.npy"), scored.contributions[:])
    assert scored.labels is labels
