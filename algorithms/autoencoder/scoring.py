"""Scores a source of any size: a block at a time, contributions straight to their file."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from algorithms.labelling import Labels
from algorithms.score_files import NodeScores, contributions_file
from algorithms.scorer import Scorer
from algorithms.stored_rows import StoredRows
from algorithms.tabular.source import TableSource
from algorithms.tabular.table import Table

OnBlock = Callable[[int, Table, NDArray[np.float64], NDArray[np.float32]], None]


def score_source(
    scorer: Scorer,
    source: TableSource,
    labels: Labels | None,
    folder: Path,
    node: str,
    on_block: OnBlock | None = None,
) -> NodeScores:
    """Return the scores of every row of a node; write their contributions where `write_scores` expects them.

    `on_block` is given the number of its first row, each block, its scores and contributions.
    """
    scores = np.empty(source.rows)

    def contributions() -> Iterator[NDArray[np.float32]]:
        start = 0
        for block in source.batches(scorer.columns):
            end = start + block.rows
            scores[start:end], shares = scorer.score_table(block)
            if on_block is not None:
                on_block(start, block, scores[start:end], shares)
            yield shares
            start = end

    shape = (source.rows, len(scorer.columns))
    stored = StoredRows.write(contributions_file(folder, node), contributions(), shape, np.float32)
    return NodeScores(scores, stored, labels)
