"""Fits one encoder a column and tells what was left out, filled in or merged."""

from collections.abc import Mapping

import numpy as np

from algorithms.errors import DataError
from algorithms.tabular.categories import CategoryEncoder
from algorithms.tabular.dates import DateEncoder
from algorithms.tabular.numbers import NumberEncoder
from algorithms.tabular.params import TabularFeederParams
from algorithms.tabular.scaling import Scaling
from algorithms.tabular.table import Column
from algorithms.tabular.wording import listed, named, percent

LARGE_OTHER_SHARE = 0.2
"""Share of rows in a column's "other" slot from which on a notice recommends a larger `vocab_size`."""

ColumnEncoder = NumberEncoder | CategoryEncoder | DateEncoder


def fit_columns(
    columns: Mapping[str, Column], feeder: TabularFeederParams, scaling: Scaling
) -> tuple[dict[str, ColumnEncoder], tuple[str, ...]]:
    """Return the encoders of the columns worth encoding, and the notices about all of them.

    Raises:
        DataError: every column is empty or constant.
    """
    encoders: dict[str, ColumnEncoder] = {}
    empty: list[str] = []
    constant: list[str] = []
    filled: dict[str, float] = {}
    for name, values in columns.items():
        missing = _missing_share(values)
        encoder = None if missing == 1.0 else _fit_column(name, values, feeder, scaling)
        if missing == 1.0:
            empty.append(name)
        elif encoder is None:
            constant.append(name)
        else:
            encoders[name] = encoder
            if missing and encoder.numeric:
                filled[name] = missing
    if not encoders:
        why = f"there is nothing to learn from: {_left_out(empty, constant)}"
        raise DataError(why, {"encode_column": [why]})
    return encoders, tuple(_notices(encoders, empty, constant, filled, feeder))


def _fit_column(name: str, values: Column, feeder: TabularFeederParams, scaling: Scaling) -> ColumnEncoder | None:
    if values.dtype == np.dtype("O") or name in feeder.categorical_column:
        return CategoryEncoder.fit(values, feeder.vocab_size)
    if values.dtype == np.float64:
        return NumberEncoder.fit(values, feeder.missing, scaling)
    return DateEncoder.fit(values, feeder.missing, scaling)


def _missing_share(values: Column) -> float:
    if values.dtype == np.dtype("O"):
        texts: list[str | None] = values.tolist()
        return texts.count(None) / len(texts)
    return float((np.isnan(values) if values.dtype == np.float64 else np.isnat(values)).mean())


def _left_out(empty: list[str], constant: list[str]) -> str:
    reasons = []
    if empty:
        reasons.append(f"no value in any row of {listed(empty)}")
    if constant:
        reasons.append(f"the same value in every row of {listed(constant)}")
    return "; ".join(reasons)


def _notices(
    encoders: Mapping[str, ColumnEncoder],
    empty: list[str],
    constant: list[str],
    filled: Mapping[str, float],
    feeder: TabularFeederParams,
) -> list[str]:
    notices = []
    if empty or constant:
        notices.append(f"columns left out: {_left_out(empty, constant)}")
    if filled:
        shares = listed(f"{named(name)} ({percent(share)})" for name, share in filled.items())
        notices.append(f"missing values were filled in ({feeder.missing}): {shares}")
    merged = {
        name: encoder.rare_share
        for name, encoder in encoders.items()
        if isinstance(encoder, CategoryEncoder) and encoder.rare_share > LARGE_OTHER_SHARE
    }
    if merged:
        shares = listed(f"{named(name)} ({percent(share)} of the rows)" for name, share in merged.items())
        notices.append(
            f'rare values share the "other" slot of {shares}; raise vocab_size (now {feeder.vocab_size})'
            " to keep them apart"
        )
    return notices
