"""Reads the Parquet files of one node as one table."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from algorithms.errors import DataError
from algorithms.tabular.cells import number_text, parse_code
from algorithms.tabular.table import Column, Table, texts_of
from algorithms.tabular.wording import listed


def read_tables(paths: Sequence[Path], columns: Collection[str] | None = None) -> Table:
    """Return the rows of all files, in order, as one table with the columns of the first, or with these of them.

    A column whose type differs between files becomes text: numbers in their shortest form (1.50 is "1.5" in every
    file), dates in ISO 8601. A file in which the column has no value at all has no say in its type.

    Raises:
        DataError: no file, or files that do not have the same columns.
    """
    names = columns_of(paths) if columns is None else columns
    files = [pq.ParquetFile(path) for path in paths]
    rows = sum(file.metadata.num_rows for file in files)
    # Column by column: one text column at a time is held twice.
    return Table({name: _joined([_values(file.read([name]).column(name)) for file in files]) for name in names}, rows)


def columns_of(paths: Sequence[Path]) -> tuple[str, ...]:
    """Return the names of the columns that all files have, in the order of the first. Raises as `read_tables` does."""
    if not paths:
        raise DataError("there are no data: upload a file first", {"file": ["no file was uploaded"]})
    first, *others = (tuple(pq.read_schema(path).names) for path in paths)
    for number, names in enumerate(others, start=2):
        if set(names) != set(first):
            raise _other_columns(number, paths, lacking=set(first) - set(names), added=set(names) - set(first))
    return first


def _values(column: Any) -> Column:
    if not pa.types.is_string(column.type):
        values: Column = column.to_numpy()
        return values
    # Through a dictionary, so that equal texts share one Python object.
    encoded = column.combine_chunks().dictionary_encode()
    distinct = np.array([*encoded.dictionary.to_pylist(), None], dtype=object)
    texts: Column = distinct[encoded.indices.fill_null(len(distinct) - 1).to_numpy()]
    return texts


def _joined(parts: Sequence[Column]) -> Column:
    dtypes = {part.dtype for part in parts if not _empty(part)}
    if len(dtypes) > 1:
        return np.concatenate([_shortest_texts(part) for part in parts])
    dtype = dtypes.pop() if dtypes else np.dtype("float64")
    nothing = {"f": np.nan, "M": np.datetime64("NaT"), "O": None}[dtype.kind]
    return np.concatenate([part if part.dtype == dtype else np.full(len(part), nothing, dtype) for part in parts])


def _empty(part: Column) -> bool:
    if part.dtype == np.dtype("O"):
        return all(text is None for text in part)
    return bool((np.isnan(part) if part.dtype == np.float64 else np.isnat(part)).all())


def _shortest_texts(part: Column) -> Column:
    texts = texts_of(part)
    shortest: dict[str | None, str | None] = {None: None}
    for text in set(texts.tolist()) - {None}:
        number = parse_code(text)
        shortest[text] = text if number is None or np.isinf(number) else number_text(number)
    return np.array([shortest[text] for text in texts.tolist()], dtype=object)


def _other_columns(number: int, paths: Sequence[Path], lacking: set[str], added: set[str]) -> DataError:
    differences = []
    if lacking:
        differences.append(f"lacks {listed(sorted(lacking))}")
    if added:
        differences.append(f"adds {listed(sorted(added))}")
    why = f"file {number} of {len(paths)} does not have the columns of the first: it {' and '.join(differences)}"
    return DataError(f"{why}; several files are one dataset and must share their columns", {"file": [why]})
