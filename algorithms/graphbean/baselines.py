"""What a score is worth: simple scores of the same graph, without a network, to be read beside the model's."""

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest

from algorithms.graphbean.graph import BipartiteGraph, Parts

Scores = NDArray[np.float64]

ROWS_AT_ONCE = 65_536


def degree(graph: BipartiteGraph) -> Parts[Scores]:
    """Score a node by the number of its edges, an edge by the sum of those of its two ends."""
    u, v = (degrees.astype(np.float64) for degrees in graph.degrees())
    return Parts(u, v, u[graph.edge_index[0]] + v[graph.edge_index[1]])


def mahalanobis(graph: BipartiteGraph) -> Parts[Scores]:
    """Score nodes and edges by the Mahalanobis distance of their own attributes to the mean of their part.

    Directions in which a part does not vary do not count: the covariance is pseudo-inverted.
    """
    return graph.x.map(_distances)


def isolation_forest(graph: BipartiteGraph, seed: int = 0) -> Parts[Scores]:
    """Score nodes and edges by an isolation forest of their own attributes, with scikit-learn's defaults.

    Source: Liu, Ting, Zhou, "Isolation Forest", ICDM 2008, doi:10.1109/ICDM.2008.17.
    """

    def scores(x: NDArray[np.floating]) -> Scores:
        forest = IsolationForest(random_state=seed, n_jobs=1).fit(x)
        anomalous: Scores = -forest.score_samples(x)
        return anomalous

    return graph.x.map(scores)


def baseline_scores(graph: BipartiteGraph, seed: int = 0) -> dict[str, Parts[Scores]]:
    """Return all of these scores (n,) of a graph with scaled attributes by name, the higher the more anomalous."""
    return {
        "degree": degree(graph),
        "mahalanobis": mahalanobis(graph),
        "isolation_forest": isolation_forest(graph, seed),
    }


def _distances(x: NDArray[np.floating]) -> Scores:
    """Return the distance (n,) of each row (n, k) to the mean of all, in float64, a part of the rows at a time."""
    parts = [slice(start, start + ROWS_AT_ONCE) for start in range(0, len(x), ROWS_AT_ONCE)]
    mean = x.mean(axis=0, dtype=np.float64)
    covariance = np.zeros((x.shape[1], x.shape[1]))
    for part in parts:
        centred = x[part] - mean
        covariance += centred.T @ centred
    inverse = np.linalg.pinv(covariance / max(1, len(x)), hermitian=True)
    squared = np.empty(len(x))
    for part in parts:
        centred = x[part] - mean
        squared[part] = np.einsum("ij,ij->i", centred @ inverse, centred)
    return np.sqrt(np.maximum(squared, 0))
