"""Fits one encoder a column, in one pass over the rows, and tells what was left out, filled in or merged."""

from collections.abc import Iterable, Mapping

from algorithms.errors import DataError
from algorithms.tabular.categories import CategoryEncoder
from algorithms.tabular.constants import Constant
from algorithms.tabular.counting import CategoryCounts, most_counted
from algorithms.tabular.dates import DateEncoder, DateStatistics
from algorithms.tabular.moments import sample_size
from algorithms.tabular.numbers import NumberEncoder, NumberStatistics
from algorithms.tabular.params import TabularFeederParams
from algorithms.tabular.scaling import Scaling
from algorithms.tabular.table import ColumnType, Table
from algorithms.tabular.wording import listed, named, percent

LARGE_OTHER_SHARE = 0.2
"""Share of rows in a column's "other" slot from which on a notice recommends a larger `vocab_size`."""
FEW_KEPT_SHARE = 0.5
"""Share of a column's values with a slot of their own below which a notice does: few rows may have the others, but what
is rare is what an anomaly may be."""

ColumnEncoder = NumberEncoder | CategoryEncoder | DateEncoder
Statistics = NumberStatistics | CategoryCounts | DateStatistics


def fit_columns(
    blocks: Iterable[Table], types: Mapping[str, ColumnType], feeder: TabularFeederParams, scaling: Scaling
) -> tuple[dict[str, ColumnEncoder], dict[str, Constant], tuple[str, ...]]:
    """Return the encoders of the columns worth encoding, those with one value only, and the notices about all of them.

    `types` are those of the columns to encode; `blocks` hold all rows to learn from, at least one.

    Raises:
        DataError: every column is empty or constant.
    """
    statistics = _statistics(types, feeder)
    for block in blocks:
        for name, gathered in statistics.items():
            gathered.update(block.columns[name])
    encoders: dict[str, ColumnEncoder] = {}
    empty: list[str] = []
    constant: list[str] = []
    for name, gathered in statistics.items():
        encoder = None if gathered.missing == gathered.rows else _encoder(gathered, types[name], feeder, scaling)
        if encoder is not None:
            encoders[name] = encoder
        else:
            (empty if gathered.missing == gathered.rows else constant).append(name)
    if not encoders:
        only = " (there is only one row to learn from)" if next(iter(statistics.values())).rows == 1 else ""
        why = f"there is nothing to learn from: {_left_out(empty, constant)}{only}"
        raise DataError(why, {"encode_column": [why]})
    notices = [f"columns left out: {_left_out(empty, constant)}"] if empty or constant else []
    used = {name: statistics[name] for name in encoders}
    constants = {name: Constant(types[name], value) for name in constant if (value := statistics[name].only_value)}
    return encoders, constants, (*notices, *_filled(used, feeder), *_merged(used, encoders, feeder))


def _statistics(types: Mapping[str, ColumnType], feeder: TabularFeederParams) -> dict[str, Statistics]:
    counted = {name for name, kind in types.items() if kind == "text" or name in feeder.categorical_column}
    limits, sampled = most_counted(len(counted), feeder.vocab_size), sample_size(len(types))
    statistics: dict[str, Statistics] = {}
    for name, kind in types.items():
        if name in counted:
            statistics[name] = CategoryCounts(*limits)
        else:
            statistics[name] = NumberStatistics(sampled) if kind == "number" else DateStatistics(sampled)
    return statistics


def _encoder(
    gathered: Statistics, kind: ColumnType, feeder: TabularFeederParams, scaling: Scaling
) -> ColumnEncoder | None:
    if isinstance(gathered, CategoryCounts):
        return CategoryEncoder.fit(gathered, feeder.vocab_size, codes=kind == "number")
    return gathered.encoder(feeder.missing, scaling)


def _left_out(empty: list[str], constant: list[str]) -> str:
    reasons = []
    if empty:
        reasons.append(f"no value in any row of {listed(empty)}")
    if constant:
        reasons.append(f"the same value in every row of {listed(constant)}")
    return "; ".join(reasons)


def _filled(used: Mapping[str, Statistics], feeder: TabularFeederParams) -> list[str]:
    shares = [
        f"{named(name)} ({percent(gathered.missing / gathered.rows)})"
        for name, gathered in used.items()
        if gathered.missing and not isinstance(gathered, CategoryCounts)
    ]
    return [f"missing values were filled in ({feeder.missing}): {listed(shares)}"] if shares else []


def _merged(
    used: Mapping[str, Statistics], encoders: Mapping[str, ColumnEncoder], feeder: TabularFeederParams
) -> list[str]:
    losses = []
    for name, encoder in encoders.items():
        counts = used[name]
        if not isinstance(encoder, CategoryEncoder) or not isinstance(counts, CategoryCounts):
            continue
        kept = len(encoder.categories)
        if encoder.rare_share > LARGE_OTHER_SHARE or kept < FEW_KEPT_SHARE * counts.distinct:
            more, at_most = ("", "") if counts.exact else ("more than ", "up to ")
            share = percent(encoder.rare_share)
            losses.append(
                f"{named(name)} ({kept:,} of {more}{counts.distinct:,} values kept, {at_most}{share} of the rows have"
                " another)"
            )
    if not losses:
        return []
    remedy = f"raise vocab_size (now {feeder.vocab_size:,}) to keep more, or exclude columns of ids"
    return [f'rare values share one slot, "other", and are not told apart: {listed(losses)}; {remedy}']
