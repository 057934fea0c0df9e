"""Columns of numbers become features."""

import numpy as np
import pytest

from algorithms.tabular.moments import Moments
from algorithms.tabular.numbers import NumberColumns, NumberEncoder
from algorithms.tabular.scaling import Scaler


@pytest.mark.parametrize("scaling", ["asinh", "standard", "minmax", "none"])
def test_columns_encoded_at_once_are_the_same_bits(scaling):
    rng = np.random.default_rng(0)
    columns = {name: rng.normal(5, 10**place, 40) for place, name in enumerate("abc")}
    columns["b"][::7] = np.nan
    columns["c"][:2] = 1e308, -1e308
    encoders = {name: NumberEncoder(0.5, fitted(values, scaling)) for name, values in columns.items()}
    places = {"a": 2, "b": 0, "c": 1}
    whole, single = np.zeros((40, 3), np.float32), np.zeros((40, 3), np.float32)
    NumberColumns(encoders, places).encode(columns, whole)
    for name, values in columns.items():
        encoders[name].encode(values, single[:, places[name] : places[name] + 1])
    assert np.array_equal(whole, single)


def test_columns_with_and_without_a_squash_are_encoded_at_once():
    values = np.array([1.0, 2.0, 9.0])
    encoders = {name: NumberEncoder(0.0, fitted(values, name)) for name in ("asinh", "minmax")}
    whole = np.zeros((3, 2), np.float32)
    NumberColumns(encoders, {"asinh": 0, "minmax": 1}).encode(dict.fromkeys(encoders, values), whole)
    for place, encoder in enumerate(encoders.values()):
        assert np.array_equal(whole[:, place], encoder.scaler.transform(values).astype(np.float32))


def fitted(values, scaling):
    return Scaler.fit(Moments.of(values[np.isfinite(values)]), scaling)
