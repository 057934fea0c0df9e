import json
from pathlib import Path

import numpy as np
import pytest

from algorithms.artifacts import REFERENCE_FILE, REFERENCE_FILES, write_artifact
from algorithms.drift.reference import BinnedNumbers, Reference
from algorithms.errors import ArtifactCorrupt, ArtifactIncompatible
from tests.algorithms.drift.references import amounts, reference, scored, tally

STORED = sorted((Path(__file__).resolve().parents[2] / "data" / "artifacts").glob("0.1.0/*/artifact"))


@pytest.fixture
def artifact(tmp_path):
    with write_artifact(tmp_path / "artifact") as partial:
        reference().write(partial)
    return tmp_path / "artifact"


def test_a_stored_reference_tallies_the_same(artifact):
    rows = amounts(500, seed=1)
    assert tally(Reference.read(artifact), rows).to_json() == tally(reference(), rows).to_json()


def test_nothing_else_of_the_artifact_is_needed(artifact):
    assert {path.name for path in artifact.iterdir()} == set(REFERENCE_FILES)


@pytest.mark.parametrize("stored", STORED, ids=lambda path: path.parent.name)
def test_an_artifact_of_an_earlier_release_must_be_trained_again(stored):
    with pytest.raises(ArtifactIncompatible, match="train the model again"):
        Reference.read(stored)


def test_a_changed_reference_is_corrupt(artifact):
    path = artifact / REFERENCE_FILE
    path.write_text(path.read_text().replace("5000", "6000", 1))
    with pytest.raises(ArtifactCorrupt):
        Reference.read(artifact)


def test_a_reference_of_another_format_must_be_trained_again():
    stored = {**json.loads(json.dumps(reference().to_dict())), "format": 99}
    with pytest.raises(ArtifactIncompatible, match="train the model again"):
        Reference.from_dict(stored)


def test_no_rows_have_an_empty_tally():
    assert tally(reference(), amounts(0)).rows == 0


def test_contributions_of_another_model_are_refused():
    rows = amounts(5)
    scores, contributions = scored(rows)
    with pytest.raises(ValueError, match="expected"):
        reference().tally(rows, scores, contributions[:, :1], 0)


def test_columns_it_does_not_know_are_passed_over():
    rows = {**amounts(5), "note": np.array(["x"] * 5, dtype=object)}
    assert "note" not in tally(reference(), rows).columns


def test_the_last_digits_of_scores_do_not_change_their_bins():
    values = np.repeat(np.random.default_rng(0).gamma(2.0, size=40), 25)
    noisy = values * (1 + 1e-6 * np.random.default_rng(1).standard_normal(len(values)))
    binned = BinnedNumbers.fit(noisy)
    assert binned.tally(values).counts.tolist() == binned.counted.counts.tolist()


def test_equal_scores_share_a_bin_whatever_their_last_digits():
    binned = BinnedNumbers.fit(np.full(30, 1 / 3))
    assert binned.tally(np.full(30, 1 / 3 + 1e-9)).counts.tolist() == [0, 30, 0, 0]


def test_contributions_as_good_as_none_share_a_bin():
    values = np.concatenate([np.random.default_rng(0).random(900) * 1e-6, np.linspace(1, 2, 100)])
    binned = BinnedNumbers.fit(values, least=1e-3)
    assert binned.counted.counts[0] == 900
