"""Labels of rows become labels of nodes and edges."""

import numpy as np
from numpy.typing import NDArray

from algorithms.graphbean.encoder import InteractionGraph
from algorithms.graphbean.graph import Parts


def lift_labels(labels: NDArray[np.int8], interactions: InteractionGraph, share: float) -> Parts[NDArray[np.int8]]:
    """Return the labels of u (U,), v (V,) and edges (E,): 1 where at least this share of its rows has label 1.

    `labels` (N,) are 0 or 1, one for each row; those of rows that were left out do not count.
    """
    kept = interactions.edge_of_row >= 0
    u, v = interactions.graph.edge_index
    sizes = interactions.graph.sizes
    edges = np.bincount(interactions.edge_of_row[kept], labels[kept], sizes.e)
    anomalies = Parts(np.bincount(u, edges, sizes.u), np.bincount(v, edges, sizes.v), edges)
    lifted = [count / rows >= share for count, rows in zip(anomalies, interactions.rows, strict=True)]
    return Parts(*lifted).map(lambda is_anomaly: is_anomaly.astype(np.int8))
