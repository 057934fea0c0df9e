"""The attributes of a graph as columns, which need numpy only: drift is told by them."""

import numpy as np
from numpy.typing import NDArray

from algorithms.graphbean.graph import BipartiteGraph, Parts
from algorithms.graphbean.scoring import OF_EDGE, OF_U, OF_V


def columns_of_graph(graph: BipartiteGraph, attributes: Parts[tuple[str, ...]]) -> dict[str, NDArray[np.float64]]:
    """Return the attributes of nodes and edges, in the units of the data, as columns "u: …", "v: …" and "edge: …"."""
    return {
        part + name: values
        for part, names, x in zip((OF_U, OF_V, OF_EDGE), attributes, graph.x, strict=True)
        for name, values in zip(names, x.T, strict=True)
    }
