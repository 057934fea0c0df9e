import numpy as np
import pytest

from algorithms.autoencoder.params import AutoencoderParams
from algorithms.autoencoder.split import split_rows
from algorithms.errors import DataError
from algorithms.tabular.params import TabularFeederParams

ALL = TabularFeederParams()
NORMAL = TabularFeederParams(label_column="y", train_on="normal")


def split(rows=100, labels=None, feeder=ALL, **params):
    return split_rows(rows, labels, AutoencoderParams(**params), feeder)


def test_every_row_is_on_one_side():
    parts = split(validation_split=0.3)
    assert len(parts.held_out) == 30
    assert sorted([*parts.train, *parts.held_out]) == list(range(100))
    assert parts.notices == ()


def test_the_seed_decides_which_rows_are_held_out():
    assert np.array_equal(split(seed=1).held_out, split(seed=1).held_out)
    assert not np.array_equal(split(seed=1).held_out, split(seed=2).held_out)


def test_the_held_out_rows_come_from_everywhere():
    held_out = split(rows=10_000).held_out
    assert held_out.mean() == pytest.approx(5000, rel=0.1)


def test_normal_only_leaves_anomalies_out_of_both_sides():
    labels = np.tile([0, 1], 50).astype(np.int8)
    parts = split(labels=labels, feeder=NORMAL)
    assert sorted([*parts.train, *parts.held_out]) == list(range(0, 100, 2))


@pytest.mark.parametrize(
    ("rows", "share", "why"), [(19, 0.1, "there are only 19 rows"), (100, 0, "validation_split is 0")]
)
def test_without_held_out_rows_there_is_a_notice(rows, share, why):
    parts = split(rows=rows, validation_split=share)
    assert len(parts.train) == rows
    assert len(parts.held_out) == 0
    assert why in parts.notices[0]


def test_a_small_share_still_holds_out_one_row():
    assert len(split(rows=20, validation_split=0.001).held_out) == 1


def test_no_normal_row_is_refused():
    with pytest.raises(DataError, match="no row is labelled normal") as caught:
        split(labels=np.ones(100, np.int8), feeder=NORMAL)
    assert "train_on" in caught.value.errors


def test_normal_only_without_labels_is_refused():
    with pytest.raises(DataError, match="needs labels"):
        split(feeder=NORMAL)


def test_no_rows_are_refused():
    with pytest.raises(DataError, match="no rows"):
        split(rows=0)
