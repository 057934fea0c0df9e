import numpy as np
import pytest

from algorithms.penalties import contributions

ERRORS = [[0.0, 0.25], [9.0, 1e-6]]


def test_squared_errors_become_the_mean_over_all_features():
    assert contributions(np.array(ERRORS), "squared", 4).tolist() == [[0.0, 0.0625], [2.25, 2.5e-7]]


def test_of_a_large_error_the_cauchy_penalty_counts_its_order_of_magnitude():
    assert contributions(np.array(ERRORS), "cauchy", 4) == pytest.approx(
        np.array([[0.0, np.log(1.25) / 2], [np.log(10) / 2, 5e-7]]), rel=1e-5
    )


@pytest.mark.parametrize("penalty", ["cauchy", "squared"])
def test_a_larger_error_always_counts_more_and_the_largest_are_finite(penalty):
    counted = contributions(np.array([[1e-12], [1.0], [1e36], [1e77]]), penalty, 1)
    assert np.isfinite(counted).all()
    assert (np.diff(counted, axis=0) > 0).all()
