"""Which columns of a table the encoder uses."""

from collections.abc import Sequence

from algorithms.errors import DataError
from algorithms.tabular.params import TabularFeederParams
from algorithms.tabular.source import TableSource
from algorithms.tabular.wording import named, no_such_column


def select_columns(table: TableSource, feeder: TabularFeederParams) -> list[str]:
    """Return the names of the columns to encode, in the order of `encode_column` or else of the table.

    Raises:
        DataError: a parameter names a column that the table lacks, a category that cannot be one, or nothing is left.
    """
    errors = {
        "encode_column": _unknown(feeder.encode_column or (), table),
        "exclude_column": _unknown(feeder.exclude_column, table),
        "label_column": _unknown([feeder.label_column] if feeder.label_column is not None else (), table),
        "categorical_column": _unknown(feeder.categorical_column, table) + _dates(feeder.categorical_column, table),
    }
    errors = {parameter: why for parameter, why in errors.items() if why}
    if errors:
        raise DataError("; ".join(f"{parameter}: {why[0]}" for parameter, why in errors.items()), errors)
    left_out = {*feeder.exclude_column, feeder.label_column}
    columns = [name for name in feeder.encode_column or table.columns if name not in left_out]
    if not columns:
        why = "no column is left to encode: all are excluded or the label"
        raise DataError(why, {"exclude_column": [why]})
    return columns


def _unknown(names: Sequence[str], table: TableSource) -> list[str]:
    lacking = [name for name in names if name not in table.columns]
    return [no_such_column(lacking, table.columns)] if lacking else []


def _dates(names: Sequence[str], table: TableSource) -> list[str]:
    dates = [name for name in names if table.types.get(name) == "date"]
    return [f"{named(name)} holds dates, which cannot be categories; leave it out" for name in dates]
