"""Generated rows, any number of them: 26 numbers, a date, two categories, a label of planted anomalies."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algorithms.tabular.table import MOST_BLOCK_ROWS

LABEL = "label"
ANOMALIES = 0.01
SHORT, LONG = 100, 1000
"""Distinct values of the two categories, the first of them as frequent as in texts (Zipf)."""

_FACTORS = 4
_CORRELATED = 12
_MISSING = {"factor_03": 0.02, "amount_1": 0.01, "count_2": 0.05, "spread_0": 0.005}
_BEGIN = np.datetime64("2023-01-01", "s")
_SECONDS_A_ROW = 3

Rows = dict[str, NDArray[Any]]


def blocks(rows: int, seed: int = 0) -> Iterator[Rows]:
    """Yield columns (n,) of consecutive rows, at most 65,536 at a time.

    A row is the same however many are made: each block has a generator of its own. Missing cells are NaN.
    """
    # What all rows have in common.
    common = np.random.default_rng(seed)
    loadings = common.normal(size=(_FACTORS, _CORRELATED))
    for number, start in enumerate(range(0, rows, MOST_BLOCK_ROWS)):
        block = _block(np.random.default_rng((seed, number)), start, loadings)
        yield {name: values[: rows - start] for name, values in block.items()}


def _block(rng: np.random.Generator, start: int, loadings: NDArray[np.float64]) -> Rows:
    n = MOST_BLOCK_ROWS
    anomalies = rng.random(n) < ANOMALIES
    factors = rng.normal(size=(n, _FACTORS))
    correlated = factors @ loadings + 0.3 * rng.normal(size=(n, _CORRELATED))
    # An anomaly breaks a third of the correlations: each number by itself could be another row's.
    broken = anomalies[:, None] & (rng.random((n, _CORRELATED)) < 1 / 3)
    correlated = np.where(broken, correlated[rng.permutation(n)], correlated)
    scales = 10.0 ** (np.arange(_CORRELATED) % 5 - 1)
    quantity = 1.0 + rng.poisson(3.0, n)
    price = rng.lognormal(3.0, 0.8, n)
    columns: Rows = {
        "time": _BEGIN + (_SECONDS_A_ROW * (start + np.arange(n)) + rng.integers(0, 600, n)).astype("timedelta64[s]"),
        "branch": _texts("branch", SHORT, rng, anomalies),
        "article": _texts("article", LONG, rng, anomalies),
        "quantity": quantity,
        "price": price.round(2),
        "turnover": (quantity * price * np.where(anomalies, rng.uniform(0.2, 5, n), 1)).round(2),
    }
    columns |= {f"factor_{j:02}": (scales[j] * correlated[:, j]).round(8) for j in range(_CORRELATED)}
    columns |= {
        "amount_0": rng.gamma(2.0, 1000.0, n).round(2),
        "amount_1": rng.lognormal(8.0, 2.0, n).round(),
        "share_0": rng.beta(0.5, 0.5, n).round(6),
        "share_1": rng.beta(2.0, 8.0, n).round(6),
        "count_0": rng.poisson(0.2, n).astype(np.float64),
        "count_1": rng.integers(0, 100_000, n).astype(np.float64),
        "count_2": rng.geometric(0.01, n).astype(np.float64),
        "spread_0": rng.standard_t(3.0, n).round(9),
        "spread_1": (rng.normal(size=n) + 8 * (rng.random(n) < 0.4)).round(9),
        "spread_2": rng.exponential(1e-4, n).round(9),
        "level": (20 + np.sin(2 * np.pi * (start + np.arange(n)) / 28_800) + 0.1 * rng.normal(size=n)).round(3),
        LABEL: anomalies.astype(np.int8),
    }
    for name, share in _MISSING.items():
        columns[name] = np.where(rng.random(n) < share, np.nan, columns[name])
    return columns


def _texts(name: str, count: int, rng: np.random.Generator, anomalies: NDArray[np.bool_]) -> NDArray[Any]:
    shares = 1 / np.arange(1, count + 1)
    values = rng.choice(count, len(anomalies), p=shares / shares.sum())
    values = np.where(anomalies, rng.integers(0, count, len(anomalies)), values)
    texts: NDArray[Any] = np.array([f"{name} {number:04}" for number in range(count)])[values]
    return texts


def write_csv(path: Path, rows: int, seed: int = 0) -> None:
    """Write the rows as a CSV file of about 290 bytes a row."""
    import pyarrow.csv as pacsv

    options = pacsv.WriteOptions(quoting_style="none")
    writer: Any = None
    for block in blocks(rows, seed):
        table = _arrow(block)
        writer = writer or pacsv.CSVWriter(path, table.schema, write_options=options)
        writer.write_table(table)
    if writer is not None:
        writer.close()


def write_parquet(path: Path, rows: int, seed: int = 0) -> None:
    """Write the rows as the Parquet file that converting their CSV file makes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer: Any = None
    for block in blocks(rows, seed):
        table = _arrow(block)
        table = table.set_column(table.schema.get_field_index(LABEL), LABEL, table.column(LABEL).cast(pa.float64()))
        table = table.set_column(0, "time", table.column("time").cast(pa.timestamp("us")))
        writer = writer or pq.ParquetWriter(path, table.schema, use_dictionary=["branch", "article"])
        writer.write_table(table)
    if writer is not None:
        writer.close()


def _arrow(block: Rows) -> Any:
    import pyarrow as pa

    return pa.table({name: pa.array(values, from_pandas=True) for name, values in block.items()})
