"""The conversions that `benchmarks.ingest` compares ours with, each in a process of its own, as its manual has it."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

PANDAS_ROWS = 100_000
"""Rows of a chunk: all at once would need several times the memory of the file."""


def polars(source: Path, target: Path) -> int:
    import polars as pl

    pl.scan_csv(source, try_parse_dates=True).sink_parquet(target, compression="snappy")
    return int(pl.scan_parquet(target).select(pl.len()).collect().item())


def pyarrow(source: Path, target: Path) -> int:
    import pyarrow.csv as pacsv
    import pyarrow.parquet as pq

    with pacsv.open_csv(source) as reader, pq.ParquetWriter(target, reader.schema) as writer:
        for batch in reader:
            writer.write_batch(batch)
    return int(pq.read_metadata(target).num_rows)


def pandas(source: Path, target: Path) -> int:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows, writer = 0, None
    for chunk in pd.read_csv(source, chunksize=PANDAS_ROWS, parse_dates=["time"]):
        table = pa.Table.from_pandas(chunk, schema=None if writer is None else writer.schema, preserve_index=False)
        writer = writer or pq.ParquetWriter(target, table.schema)
        writer.write_table(table)
        rows += len(chunk)
    if writer is not None:
        writer.close()
    return rows


PEERS: dict[str, Callable[[Path, Path], int]] = {"polars": polars, "pyarrow": pyarrow, "pandas": pandas}


def main(task: str, path: str, argument: str) -> None:
    """Generate a CSV file of so many rows, or convert one to a Parquet file; print its rows."""
    if task == "generate":
        from benchmarks.generated import write_csv

        write_csv(Path(path), int(argument))
        rows = int(argument)
    else:
        rows = PEERS[task](Path(path), Path(argument))
    print(json.dumps({"rows": rows}))


if __name__ == "__main__":
    main(*sys.argv[1:])
