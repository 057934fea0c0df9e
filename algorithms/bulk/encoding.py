"""Blocks of Arrow rows become features: numbers as they lie in memory, each distinct category looked up once."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from algorithms.bulk.columns import column_of_arrow, refuse_misfits
from algorithms.errors import DataError
from algorithms.tabular.categories import CategoryEncoder
from algorithms.tabular.encoder import TabularEncoder
from algorithms.tabular.features import Features
from algorithms.tabular.table import Coded, Column


@dataclass(frozen=True)
class EncodedBlock:
    """The columns of a block that a model uses, in the types of its training, and their features.

    `unseen` counts the rows, by column, with a category that training did not see, `missing` those without a value;
    columns without any are not named.
    """

    coded: Mapping[str, Column | Coded]
    features: Features
    unseen: Mapping[str, int]
    missing: Mapping[str, int]

    @cached_property
    def columns(self) -> dict[str, Column]:
        """Every column (N,) with the value of each row."""
        return {name: each.column if isinstance(each, Coded) else each for name, each in self.coded.items()}


def encode_block(block: Any, encoder: TabularEncoder, *, first_row: int = 0) -> EncodedBlock:
    """Return an Arrow table (N rows) encoded; the same features as `transform` gives for `table_of_arrow`.

    Raises:
        DataError: as `table_of_arrow`; rows are counted after the `first_row` before the block.
    """
    refuse_misfits(block.schema, encoder)
    coded: dict[str, Column | Coded] = {}
    for name, column in encoder.columns.items():
        cells = block.column(name)
        if isinstance(column, CategoryEncoder):
            coded[name] = _coded(name, cells, encoder, first_row)
        else:
            coded[name] = column_of_arrow(name, cells, encoder, first_row)
    features = encoder.transform_columns(coded, block.num_rows)
    unseen = {
        name: _unseen(each, column)
        for name, column in encoder.columns.items()
        if isinstance(column, CategoryEncoder) and isinstance(each := coded[name], Coded)
    }
    missing = {name: _missing(values) for name, values in coded.items()}
    return EncodedBlock(coded, features, _counted(unseen), _counted(missing))


def plain(cells: Any) -> Any:
    """Return a chunked array with its values themselves where it has a dictionary of them."""
    return cells.cast(cells.type.value_type) if pa.types.is_dictionary(cells.type) else cells


def _coded(name: str, cells: Any, encoder: TabularEncoder, first_row: int) -> Coded:
    """Return a column of categories by its distinct values, the last of which is a missing one."""
    encoded = cells if pa.types.is_dictionary(cells.type) else cells.dictionary_encode()
    whole = encoded.unify_dictionaries().combine_chunks()
    array = whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole
    distinct = pa.chunked_array([array.dictionary, pa.nulls(1, array.dictionary.type)])
    try:
        values = column_of_arrow(name, distinct, encoder, first_row)
    except DataError:
        column_of_arrow(name, plain(cells), encoder, first_row)  # which says in what row it is
        raise
    codes = pc.fill_null(array.indices, len(array.dictionary)).to_numpy(zero_copy_only=False)
    return Coded(values, codes)


def _unseen(coded: Coded, encoder: CategoryEncoder) -> int:
    """Return in how many rows the value is one that training did not see; a missing one is none."""
    positions = [at for at in encoder.unseen(coded.values) if not _is_missing(coded.values[at])]
    return _rows(coded, positions)


def _missing(values: Column | Coded) -> int:
    if isinstance(values, Coded):
        return _rows(values, [at for at, value in enumerate(values.values.tolist()) if _is_missing(value)])
    return int(np.count_nonzero(np.isnat(values) if values.dtype.kind == "M" else np.isnan(values)))


def _rows(coded: Coded, positions: list[int]) -> int:
    if not positions:
        return 0
    return int(np.bincount(coded.codes, minlength=len(coded.values))[positions].sum())


def _is_missing(value: Any) -> bool:
    return value is None or value != value


def _counted(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: count for name, count in counts.items() if count}
