"""What every detector promises; subclass a contract with its fixtures and the tests run against that detector."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from algorithms.errors import DataError
from algorithms.tabular.table import Table


def steel(rows: int = 240, seed: int = 0) -> Table:
    """Return rows of a number that depends on a category, and one that depends on the first."""
    rng = np.random.default_rng(seed)
    grade = rng.integers(3, size=rows)
    temperature = 1500.0 + 40 * grade + rng.normal(0, 5, rows)
    weight = 0.1 * temperature + rng.normal(0, 1, rows)
    texts = np.array(["A", "B", "C"], dtype=object)[grade]
    return Table({"grade": texts, "temperature": temperature, "weight": weight}, rows)


def replaced(table: Table, column: str, row: int, value: Any) -> Table:
    """Return the table with one cell changed."""
    values = table.columns[column].copy()
    values[row] = value
    return Table({**table.columns, column: values}, table.rows)


def joined(values: Any) -> np.ndarray:
    """Return what a detector has for each row, or for each part of a graph, as one array."""
    return np.concatenate(values) if isinstance(values, tuple) else values


def each(values: Any) -> tuple[Any, ...]:
    return values if isinstance(values, tuple) else (values,)


class EveryDetectorContract:
    """What is promised of tables and graphs alike.

    `make(**params)` gives a new, quick detector that accepts a `seed`; `load(folder)` one that was saved; `examples()`
    what to train on, new each time.
    """

    @pytest.fixture(scope="class")
    @classmethod
    def make(cls) -> Callable[..., Any]:
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def load(cls) -> Callable[[Path], Any]:
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def examples(cls) -> Callable[[], Any]:
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def fitted(cls, make, examples) -> Iterator[Any]:
        return make().fit(examples())

    def test_it_scores_what_it_was_trained_on_with_finite_and_different_numbers(self, fitted):
        for scores in each(fitted.decision_scores_):
            assert scores.dtype == np.float64
            assert np.isfinite(scores).all()
            assert len(np.unique(scores)) > len(scores) / 2

    def test_it_scores_what_it_was_trained_on_as_it_scores_what_is_new(self, fitted, examples):
        assert np.array_equal(joined(fitted.decision_function(examples())), joined(fitted.decision_scores_))

    def test_an_anomaly_is_what_scores_above_the_threshold(self, fitted, examples):
        parts = (each(fitted.decision_scores_), each(fitted.threshold_), each(fitted.labels_))
        for scores, threshold, labels in zip(*parts, strict=True):
            assert 0 < labels.sum() < len(labels) / 2
            assert np.array_equal(labels, scores > threshold)
        assert np.array_equal(joined(fitted.predict(examples())), joined(fitted.labels_))

    def test_a_saved_and_loaded_detector_gives_the_same_scores_and_threshold(self, fitted, examples, load, tmp_path):
        fitted.save(tmp_path / "artifact")
        loaded = load(tmp_path / "artifact")
        assert np.array_equal(joined(loaded.decision_function(examples())), joined(fitted.decision_scores_))
        assert loaded.threshold_ == fitted.threshold_
        assert loaded.contamination == fitted.contamination

    def test_the_same_seed_gives_the_same_scores(self, make, fitted, examples):
        again = make().fit(examples())
        assert np.array_equal(joined(again.decision_scores_), joined(fitted.decision_scores_))

    def test_another_seed_gives_other_scores(self, make, fitted, examples):
        other = make(seed=1).fit(examples())
        assert not np.array_equal(joined(other.decision_scores_), joined(fitted.decision_scores_))


class DetectorContract(EveryDetectorContract):
    """What every detector on tables promises; subclass it with `make` and `load`."""

    @pytest.fixture(scope="class")
    @classmethod
    def examples(cls) -> Callable[[], Table]:
        return steel

    @pytest.fixture(scope="class")
    @classmethod
    def table(cls) -> Table:
        return steel()

    def test_it_scores_every_training_row(self, fitted, table):
        assert fitted.decision_scores_.shape == (table.rows,)

    def test_a_planted_anomaly_scores_higher_than_nearly_all_rows(self, fitted, table):
        planted = replaced(table, "weight", 7, table.columns["weight"][7] + 60.0)
        assert fitted.decision_function(planted)[7] > np.quantile(fitted.decision_scores_, 0.99)

    def test_it_scores_an_unseen_category(self, fitted, table):
        scores = fitted.decision_function(replaced(table, "grade", 3, "never seen"))
        assert np.isfinite(scores).all()
        assert scores[3] > fitted.decision_scores_[3]
        assert np.array_equal(np.delete(scores, 3), np.delete(fitted.decision_scores_, 3))

    def test_permuted_rows_give_permuted_scores(self, fitted, table):
        order = np.random.default_rng(5).permutation(table.rows)
        permuted = fitted.decision_function(table.take(order))
        assert permuted == pytest.approx(fitted.decision_scores_[order], rel=1e-6, abs=0)

    def test_a_row_alone_scores_as_it_does_among_others(self, fitted, table):
        for row in (0, 100, table.rows - 1):
            alone = fitted.decision_function(table.take(np.array([row])))
            assert alone == pytest.approx(fitted.decision_scores_[[row]], rel=1e-6, abs=0)

    @pytest.mark.parametrize("value", [1e30, -1e30, 1.7e308])
    def test_an_absurd_number_gives_a_finite_score_and_an_anomaly(self, fitted, table, value):
        absurd = replaced(table, "temperature", 11, value)
        scores = fitted.decision_function(absurd)
        assert np.isfinite(scores).all()
        assert scores[11] > fitted.threshold_
        assert np.argmax(scores) == 11

    def test_it_leaves_a_constant_column_out(self, make, table):
        constant = Table({**table.columns, "plant": np.array(["P1"] * table.rows, dtype=object)}, table.rows)
        detector = make().fit(constant)
        assert "plant" not in detector.columns_
        assert np.isfinite(detector.decision_scores_).all()

    def test_it_fits_two_rows(self, make, table):
        detector = make().fit(table.take(np.array([0, 1])))
        assert detector.decision_scores_.shape == (2,)
        assert np.isfinite(detector.decision_scores_).all()
        assert np.isfinite(detector.threshold_)

    def test_it_refuses_to_learn_from_one_row_and_says_why(self, make, table):
        with pytest.raises(DataError, match="nothing to learn from: the same value in every row"):
            make().fit(table.take(np.array([0])))

    def test_it_does_not_change_its_input(self, make):
        given, untouched = steel(), steel()
        make().fit(given)
        for name, values in untouched.columns.items():
            assert np.array_equal(given.columns[name], values)
