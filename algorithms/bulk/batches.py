"""A trained model as a plain function of batches of raw rows, for whatever maps functions over data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from algorithms.bulk.columns import rows_that_differ, table_of_arrow
from algorithms.errors import DataError
from algorithms.scorer import Scorer
from algorithms.tabular.table import Table
from algorithms.tabular.wording import listed, named, no_such_column

SCORE, ANOMALY, CONTRIBUTION = "score", "anomaly", "contribution."


@dataclass(frozen=True)
class BatchScorer:
    """Adds `score`, `anomaly` and a `contribution.<column>` for each column of the model to batches of raw rows.

    It pickles as the path of its artifact, which every process of a cluster must reach; each loads the model once, at
    its first batch. The score of a row does not depend on the batch it comes in. Of the batch's own columns the
    answer has those of `keep`, by default all.

    A batch is an Arrow table, an Arrow record batch or a pandas data frame, and the answer is of the same kind::

        scorer = BatchScorer(Path("artifact"))
        ray.data.read_parquet(folder).map_batches(scorer, batch_format="pyarrow")
        dask.dataframe.read_parquet(folder).map_partitions(scorer)
        spark.read.parquet(folder).mapInPandas(partial(map, scorer), schema)

    Raises:
        DataError: a column is missing or has a type or a value that the model cannot take (`algorithms.bulk.columns`),
            or one is called as a column of the scores. Rows are counted from 1 in the batch.
        ArtifactCorrupt, ArtifactIncompatible: the model cannot be served.
        TypeError: the batch is none of these, or `keep` is one text and no sequence of names.
    """

    artifact: Path
    keep: Sequence[str] | None = None
    threads: int = 1

    def __post_init__(self) -> None:
        if isinstance(self.keep, str):
            raise TypeError(f"keep must be a sequence of names of columns, such as ('{self.keep}',)")
        object.__setattr__(self, "artifact", Path(self.artifact))
        if self.keep is not None:
            object.__setattr__(self, "keep", tuple(dict.fromkeys(self.keep)))

    def __call__(self, batch: Any) -> Any:
        """Return the kept columns of a batch of N rows with its scores, N rows in the same order."""
        if isinstance(batch, pa.Table):
            return self.score(batch)
        if isinstance(batch, pa.RecordBatch):
            scored = self.score(pa.Table.from_batches([batch])).combine_chunks()
            return scored.to_batches()[0] if batch.num_rows else pa.RecordBatch.from_pylist([], scored.schema)
        import pandas as pd

        if not isinstance(batch, pd.DataFrame):
            raise TypeError(f"a batch must be an Arrow table or a pandas data frame, not {type(batch).__qualname__}")
        names = self._kept(list(batch.columns))
        kept = batch if names is None else batch[names]
        return kept.assign(**self._scores(_arrow_of_frame(batch, self.scorer.columns), 0))

    def score(self, batch: Any, *, first_row: int = 0) -> Any:
        """Return an Arrow table (N rows) with its scores; messages number its rows after the `first_row` before it."""
        names = self._kept(batch.column_names)
        kept = batch if names is None else batch.select(names)
        for name, values in self._scores(batch, first_row).items():
            kept = kept.append_column(name, pa.array(values))
        return kept

    @property
    def scorer(self) -> Scorer:
        """The model, loaded once in a process."""
        return _load(self.artifact, self.threads)

    @property
    def added(self) -> list[str]:
        """Names of the columns that a batch gets."""
        return [SCORE, ANOMALY, *(CONTRIBUTION + name for name in self.scorer.columns)]

    def changed(self, batch: Any) -> dict[str, int]:
        """Return in how many rows of an Arrow table each column that had one value in training has another.

        The scores know nothing of such columns; one that the table lacks, or that never differs, is not named.
        """
        constants = self.scorer.encoder.constants
        present = [name for name in constants if batch.column_names.count(name) == 1]
        counts = {name: rows_that_differ(batch.column(name), constants[name]) for name in present}
        return {name: count for name, count in counts.items() if count}

    def _kept(self, names: Sequence[str]) -> list[str] | None:
        """Return those of a batch's columns that are kept, None for all of them."""
        kept = names if self.keep is None else self.keep
        lacking = [name for name in kept if name not in names]
        if lacking:
            raise DataError(no_such_column(lacking, names), {name: ["is not in the data"] for name in lacking})
        twice = [name for name in kept if names.count(name) > 1]
        if twice:
            why = "is there twice; rename one of them, or name in `keep` the columns to keep"
            raise DataError(f"column {listed(dict.fromkeys(twice))} {why}", {name: [why] for name in twice})
        clash = [name for name in kept if name in self.added]
        if clash:
            why = "is what a column of the scores is called; rename it, or name in `keep` the columns to keep"
            raise DataError(f"column {listed(clash)} {why}", {name: [why] for name in clash})
        return None if self.keep is None else list(self.keep)

    def _scores(self, batch: Any, first_row: int) -> Mapping[str, NDArray[Any]]:
        table: Table = table_of_arrow(batch, self.scorer.encoder, first_row=first_row)
        scores, contributions = self.scorer.score_table(table)
        columns = [scores, scores > self.scorer.threshold, *np.ascontiguousarray(contributions.T)]
        return dict(zip(self.added, columns, strict=True))


@lru_cache(maxsize=8)
def _load(artifact: Path, threads: int) -> Scorer:
    return Scorer.load(artifact, threads)  # an artifact never changes


def _arrow_of_frame(frame: Any, columns: Sequence[str]) -> Any:
    """Return those of the columns that a data frame has as an Arrow table."""
    arrays, names = [], []
    for name in columns:
        for values in frame.loc[:, frame.columns == name].items():
            names.append(name)
            try:
                arrays.append(pa.array(values[1], from_pandas=True))
            except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
                why = f"has values of different kinds; make it numbers, text or dates ({error})"
                raise DataError(f"column {named(name)} {why}", {name: [why]}) from None
    return pa.table(arrays, names=names) if arrays else pa.table({})
