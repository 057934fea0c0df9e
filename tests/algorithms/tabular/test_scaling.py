import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from algorithms.tabular.moments import Moments
from algorithms.tabular.scaling import FEATURE_LIMIT, Scaler

SCALINGS = ["asinh", "standard", "minmax", "none"]
FINITE = st.floats(allow_nan=False, allow_infinity=False)


def scaler_of(values, scaling):
    return Scaler.fit(Moments.of(np.asarray(values)), scaling)


def test_the_statistics_are_those_of_numpy():
    values = np.random.default_rng(0).normal(7, 3, 1000)
    z = (values - values.mean()) / values.std()
    np.testing.assert_allclose(scaler_of(values, "standard").transform(values), z)
    np.testing.assert_allclose(scaler_of(values, "asinh").transform(values), 3 * np.arcsinh(z / 3))
    np.testing.assert_array_equal(scaler_of(values, "none").transform(values), values)
    minmax = scaler_of(values, "minmax").transform(values)
    assert (minmax.min(), minmax.max()) == (0.0, 1.0)


def test_min_max_does_not_clip():
    assert scaler_of([0.0, 10.0], "minmax").transform(np.array([20.0, -10.0])).tolist() == [2.0, -1.0]


@pytest.mark.parametrize("scaling", SCALINGS)
def test_a_constant_column_has_no_scaler(scaling):
    assert scaler_of([0.1] * 5, scaling) is None


@pytest.mark.parametrize("scaling", SCALINGS)
@given(trained=st.lists(FINITE, min_size=2, max_size=8, unique=True), new=st.lists(FINITE, min_size=1, max_size=8))
def test_features_are_finite_and_never_smaller_for_a_larger_number(scaling, trained, new):
    scaler = scaler_of(trained, scaling)
    if scaler is None:  # the numbers differ by less than floats can tell
        assert np.ptp(trained) < 1e-300
        return
    values = np.sort(np.array(trained + new))
    features = scaler.transform(values).astype(np.float32)
    assert np.isfinite(features).all()
    assert (np.abs(features) <= np.float32(FEATURE_LIMIT)).all()
    assert (np.diff(features) >= 0).all()
    assert np.isfinite(scaler.invert(features.astype(np.float64))).all()


@pytest.mark.parametrize("scaling", SCALINGS)
@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=8, unique=True))
def test_inverting_gives_the_numbers_back(scaling, trained):
    values = np.array(trained)
    scaler = scaler_of(values, scaling)
    if scaler is not None:
        np.testing.assert_allclose(scaler.invert(scaler.transform(values)), values, atol=1e-9 * np.abs(values).max())
