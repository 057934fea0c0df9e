"""Small graphs that the tests share."""

import numpy as np

from algorithms.graphbean.graph import BipartiteGraph, Parts


def random_graph(u=30, v=20, edges=90, widths=(3, 2, 4), seed=0):
    """Return a graph with random pairs and float32 attributes."""
    rng = np.random.default_rng(seed)
    keys = np.sort(rng.choice(u * v, edges, replace=False))
    x = (rng.normal(size=(n, width)).astype(np.float32) for n, width in zip((u, v, edges), widths, strict=True))
    return BipartiteGraph(np.stack([keys // v, keys % v]).astype(np.int64), Parts(*x))


def permuted(graph, seed=1):
    """Return the graph with its edges in another order, and that order."""
    order = np.random.default_rng(seed).permutation(graph.edges)
    return BipartiteGraph(graph.edge_index[:, order], graph.x._replace(e=graph.x.e[order])), order
