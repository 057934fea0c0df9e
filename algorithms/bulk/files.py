"""Scores of one Parquet file, a block of rows at a time."""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from algorithms.bulk.batches import ANOMALY, BatchScorer
from algorithms.bulk.columns import refuse_misfits
from algorithms.errors import DataError
from algorithms.tabular.table import block_rows

ABANDONED_SECONDS = 3600
"""A partial file that nobody wrote to for so long is that of a process that was killed."""
READ_BYTES = 1 << 20
"""Of each column, read ahead."""


def score_parquet(
    artifact: Path,
    source: Path,
    target: Path,
    *,
    keep: Sequence[str] | None = None,
    threads: int = 1,
    on_rows: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Write the rows of `source`, in their order, with their scores (`BatchScorer`) to `target`, whole or not at all.

    Memory is that of a few blocks of rows, however long the file and its row groups are. A `target` that exists is
    replaced. `on_rows` hears the rows that are done and those there are.

    Returns:
        rows, how many of them are anomalies, and changed: in how many rows a column that had one value in training, by
        name, has another, of which the scores know nothing

    Raises:
        DataError: `source` is no Parquet file or is damaged, or its columns do not fit the model.
        ArtifactCorrupt, ArtifactIncompatible: the model cannot be served.
        OSError: `target` cannot be written.
    """
    scorer = BatchScorer(artifact, keep, threads)
    rows = anomalies = 0
    changed: Counter[str] = Counter()
    with opened(source, source.name) as file, written_whole(target) as whole:
        refuse_misfits(file.schema_arrow, scorer.scorer.encoder)
        columns = _columns(scorer, file.schema_arrow.names)
        with pq.ParquetWriter(whole, scorer.score(file.schema_arrow.empty_table()).schema) as writer:
            for batch in blocks(file, source.name, columns):
                scored = scorer.score(batch, first_row=rows)
                writer.write_table(scored)
                changed.update(scorer.changed(batch))
                rows += scored.num_rows
                anomalies += int(scored.column(ANOMALY).to_numpy().sum())
                if on_rows is not None:
                    on_rows(rows, file.metadata.num_rows)
    return {"rows": rows, "anomalies": anomalies, "changed": dict(changed)}


def _columns(scorer: BatchScorer, names: Sequence[str]) -> Sequence[str] | None:
    """Return which columns of a file must be read, None for all of them."""
    if scorer.keep is None:
        return None
    constants = [name for name in scorer.scorer.encoder.constants if names.count(name) == 1]
    return [*dict.fromkeys([*scorer.keep, *scorer.scorer.columns, *constants])]


@contextmanager
def written_whole(target: Path) -> Iterator[BinaryIO]:
    """Give a file to write to; it becomes `target`, synced, when the block ends without an error.

    Each writer has a name of its own, hidden from readers of the folder: of two that write the same target the last
    one wins, and no reader ever sees a part. What a killed one left goes with the next.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(target.parent)
    partial = target.with_name(f".{uuid4().hex}.part")
    try:
        with partial.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
        _sync_folder(target.parent)
    finally:
        partial.unlink(missing_ok=True)


def _remove_abandoned(folder: Path) -> None:
    before = time.time() - ABANDONED_SECONDS
    for left in folder.glob(f".{'[0-9a-f]' * 32}.part"):
        with suppress(FileNotFoundError):  # its writer is done, or another removes it too
            if left.stat().st_mtime < before:
                left.unlink()


def _sync_folder(folder: Path) -> None:
    """Make the new name in the folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def opened(source: Path, name: str, texts: Sequence[str] = ()) -> Iterator[Any]:
    """Give a Parquet file to read, which messages call `name`; `texts` come as codes and distinct values.

    Raises:
        DataError: it is none, or is cut off.
    """
    try:
        metadata = pq.read_metadata(source)
        present = {metadata.schema.column(i).path for i in range(metadata.num_columns)}
        coded = [text for text in texts if text in present]
        # By default a row group, which may be the whole file, is read into memory before its first row is given.
        file = pq.ParquetFile(
            source, metadata=metadata, buffer_size=READ_BYTES, pre_buffer=False, read_dictionary=coded
        )
    except (pa.ArrowException, OSError) as error:
        raise unreadable(name, f"cannot be read as a Parquet file: {error}") from None
    with file:
        yield file


def blocks(file: Any, name: str, columns: Sequence[str] | None) -> Iterator[Any]:
    """Yield the rows of a Parquet file in their order as tables of some of its columns, None for all.

    Raises:
        DataError: the file is damaged; the message calls it `name`.
    """
    rows = 0
    size = block_rows(len(columns or file.schema_arrow.names))
    # All row groups in one, Arrow would keep what it has read.
    groups = range(file.num_row_groups)
    batches = chain.from_iterable(file.iter_batches(size, row_groups=[group], columns=columns) for group in groups)
    while True:
        try:
            batch = next(batches, None)
        except (pa.ArrowException, OSError) as error:
            raise unreadable(name, f"is damaged: nothing can be read after row {rows:,} ({error})") from None
        if batch is None:
            return
        yield pa.Table.from_batches([batch])
        rows += batch.num_rows


def unreadable(name: str, why: str) -> DataError:
    """Return the error of a file, called `name`, that is no good."""
    return DataError(f"{name} {why}", {"file": [why]})
