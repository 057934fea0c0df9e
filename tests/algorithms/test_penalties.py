import numpy as np
import pytest

from algorithms.penalties import STRAIGHT_FROM, contributions

ERRORS = [[0.0, 0.25], [9.0, 1e-6]]


def logged(*errors):
    """Return what errors of the only column count."""
    return contributions(np.array(errors)[:, None], "log", 1)[:, 0]


def test_squared_errors_become_the_mean_over_all_features():
    assert contributions(np.array(ERRORS), "squared", 4).tolist() == [[0.0, 0.0625], [2.25, 2.5e-7]]


def test_of_larger_errors_the_logarithm_counts_as_a_mean_over_columns():
    assert contributions(np.array(ERRORS), "log", 4) == pytest.approx(
        np.array([[0.0, np.log(1.25) / 2], [np.log(10) / 2, 5e-7]]), rel=1e-5
    )


def test_the_line_is_the_tangent_where_it_begins():
    before, at, after = logged(STRAIGHT_FROM - 0.01, STRAIGHT_FROM, STRAIGHT_FROM + 0.01)
    assert at - before == pytest.approx(after - at, rel=1e-3)
    assert logged(STRAIGHT_FROM + 2600) == pytest.approx(np.log1p(STRAIGHT_FROM) + 100)


@pytest.mark.parametrize("penalty", ["log", "squared"])
def test_a_larger_error_always_counts_more_and_the_largest_are_finite(penalty):
    counted = contributions(np.array([[1e-12], [1.0], [1e36], [1e77]]), penalty, 1)
    assert np.isfinite(counted).all()
    assert (np.diff(counted, axis=0) > 0).all()


def test_errors_are_left_as_they_were():
    errors = np.array(ERRORS)
    for penalty in ("log", "squared"):
        contributions(errors, penalty, 4)
    assert errors.tolist() == ERRORS
