"""Makes the reference that drift is told by, from the graph of the training data."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from algorithms.drift.bins import NumberBins
from algorithms.drift.reference import BinnedColumn, BinnedNumbers, Reference
from algorithms.graphbean.columns import columns_of_graph
from algorithms.tabular.moments import sample_size

if TYPE_CHECKING:
    from algorithms.graphbean.detector import GraphBEANDetector
    from algorithms.graphbean.result import ScoredNode

LEAST_CONTRIBUTION = 1e-3
"""Part of the mean score below which a contribution is as good as none."""


def reference_of(node: "ScoredNode", detector: "GraphBEANDetector") -> Reference:
    """Return the reference of a scored graph: the attributes of its nodes and edges, the scores of its edges.

    A graph has no held-out part. Of more than 100,000 nodes or edges, fewer when there are many columns
    (`sample_size`), a random part of so many is counted, by the seed.
    """
    columns = columns_of_graph(node.graph, detector.fitted_.attributes)
    names = detector.columns_.e
    most = sample_size(len(columns) + len(names))
    some = {
        rows: np.sort(np.random.default_rng(detector.params.seed).choice(rows, most, replace=False, shuffle=False))
        if rows > most
        else slice(None)
        for rows in (*node.graph.sizes,)
    }
    edges = some[node.graph.edges]
    scores = BinnedNumbers.fit(node.examined.scores.scores.e[edges])
    least = LEAST_CONTRIBUTION * scores.counted.mean
    contributions = node.examined.scores.contributions.e[edges].T
    return Reference(
        node.graph.edges,
        {name: _binned(values[some[len(values)]]) for name, values in columns.items()},
        scores,
        {name: BinnedNumbers.fit(values, least) for name, values in zip(names, contributions, strict=True)},
    )


def _binned(values: NDArray[Any]) -> BinnedColumn:
    bins = NumberBins.fit("number", values)
    return BinnedColumn(bins, bins.count(values))
