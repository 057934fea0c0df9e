"""Writes the scores of a graph, for `score_files` to read and as Parquet files to download."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from algorithms.graphbean.graph import PARTS, Parts
from algorithms.graphbean.score_files import file_of
from algorithms.graphbean.texts import Texts
from algorithms.score_files import LeadingColumns, NodeScores, write_scores


@dataclass(frozen=True)
class ScoredGraph:
    """The scores of a graph and who its nodes are.

    Shapes:
        ids: those of u (U,) and of v (V,), edge_index: (2, E)
        rows: interactions behind each node and edge (n,), scored: scores, contributions and labels of each
    """

    ids: tuple[Texts, Texts]
    edge_index: NDArray[np.int64]
    rows: Parts[NDArray[np.int64]]
    scored: Parts[NodeScores]


def write_graph(
    folder: Path, node: str, graph: ScoredGraph, thresholds: Parts[float], columns: Parts[tuple[str, ...]]
) -> None:
    """Write all files of a scored node. `columns` name the contributions of each part.

    The Parquet files have the id columns u, v or both, then rows, and those of `algorithms.score_files`.
    """
    for side, ids in zip("uv", graph.ids, strict=True):
        np.save(file_of(folder, "ids", node, side), ids.letters)
        np.save(file_of(folder, "offsets", node, side), ids.offsets.astype(np.int64))
    np.save(file_of(folder, "pairs", node), graph.edge_index)
    for i, part in enumerate(PARTS):
        rows = graph.rows[i]
        np.save(file_of(folder, "rows", node, part), rows)
        write_scores(folder, f"{node}.{part}", graph.scored[i], thresholds[i], columns[i], _who(graph, part, rows))


def _who(graph: ScoredGraph, part: str, rows: NDArray[np.int64]) -> LeadingColumns:
    (u, v), (at_u, at_v) = graph.ids, graph.edge_index
    leading: LeadingColumns = {
        "u": {"u": (pa.string(), lambda at: list(u[at]))},
        "v": {"v": (pa.string(), lambda at: list(v[at]))},
        "e": {
            "u": (pa.string(), lambda at: list(u.take(at_u[at]))),
            "v": (pa.string(), lambda at: list(v.take(at_v[at]))),
        },
    }[part]
    return {**leading, "rows": (pa.int64(), lambda at: rows[at])}
