"""Why pairs and nodes score as they do: attributes, the surprise at the pair itself, the neighbours that matter."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algorithms.explanations import shown
from algorithms.graphbean.graph import PARTS, BipartiteGraph, Parts
from algorithms.graphbean.scaling import AttributeScaling
from algorithms.graphbean.scoring import OF_EDGE, OF_U, OF_V, STRUCTURE, GraphScores, Residuals

NEIGHBOURS = 5
"""So many of a node's pairs are told, those that score highest."""

Values = NDArray[np.float64]


class GraphExplanation:
    """What is to say of a scored graph of U, V nodes and E edges.

    `attributes` are the names of the graph's attributes, `columns` those of the contributions of each part.
    """

    def __init__(
        self,
        graph: BipartiteGraph,
        scaling: AttributeScaling,
        residuals: Residuals,
        scores: GraphScores,
        attributes: Parts[tuple[str, ...]],
        columns: Parts[tuple[str, ...]],
    ) -> None:
        scaled = scaling.apply(graph)
        self._graph, self._scores, self._columns = graph, scores, columns
        self._surprise = residuals.surprise
        self._names = scaling.names(attributes)
        self._actual = Parts(*(_actual(scaling, scaled, graph, i) for i in range(3)))
        self._expected = Parts(
            *(scaling.restore(part, scaled.x[i] + residuals.x[i]) for i, part in enumerate(PARTS))  # type: ignore[arg-type]
        )
        self._of_node = tuple(
            _edges_by_node(ends, size) for ends, size in zip(graph.edge_index, graph.sizes, strict=False)
        )

    def of_edge(self, edge: int) -> list[dict[str, Any]]:
        """Return the columns of an edge's score by falling contribution.

        Each has column, contribution, share and text; attributes, the ends' too, have actual and expected, the
        structure has the surprise in nats and the probability that the model gave to the pair.
        """
        u, v = self._graph.edge_index[:, edge].tolist()
        known = self._values(2, edge)
        known |= {OF_U + name: pair for name, pair in self._values(0, u).items()}
        known |= {OF_V + name: pair for name, pair in self._values(1, v).items()}
        return self._explained(2, edge, known)

    def of_node(self, side: int, node: int, other_ids: Sequence[str]) -> dict[str, Any]:
        """Return `explanation`, as of an edge, and `neighbours`: those whose pairs with this node score highest."""
        order, starts = self._of_node[side]
        edges = order[starts[node] : starts[node + 1]]
        scores = self._scores.scores.e[edges]
        chosen = edges[np.argsort(-scores, kind="stable")[:NEIGHBOURS]].tolist()
        neighbours = [
            {
                "id": other_ids[int(self._graph.edge_index[1 - side, edge])],
                "score": float(self._scores.scores.e[edge]),
                "because": self.of_edge(edge)[0]["text"],
            }
            for edge in chosen
        ]
        return {"explanation": self._explained(side, node, self._values(side, node)), "neighbours": neighbours}

    def _values(self, i: int, position: int) -> dict[str, tuple[float, float]]:
        pairs = zip(self._actual[i][position].tolist(), self._expected[i][position].tolist(), strict=True)
        return dict(zip(self._names[i], pairs, strict=True))

    def _explained(self, i: int, position: int, known: dict[str, tuple[float, float]]) -> list[dict[str, Any]]:
        shares = self._scores.contributions[i][position]
        total = float(shares.sum())
        explained = []
        for place in np.argsort(-shares, kind="stable").tolist():
            column, contribution = self._columns[i][place], float(shares[place])
            entry = {
                "column": column,
                "contribution": contribution,
                "share": contribution / total if total > 0 else 0.0,
            }
            explained.append(entry | self._said(column, position, known))
        return explained

    def _said(self, column: str, position: int, known: dict[str, tuple[float, float]]) -> dict[str, Any]:
        if column in known:
            actual, expected = known[column]
            text = f"{column} is {shown(actual)}, the model expected {shown(expected)}"
            return {"actual": actual, "expected": expected, "text": text}
        if column == STRUCTURE:
            surprise = float(self._surprise[position])
            probability = float(np.exp(-surprise))
            text = f"the model gave this pair the probability {shown(probability)}"
            return {"surprise": surprise, "probability": probability, "text": text}
        return {"text": f"{column.removeprefix(OF_EDGE)} of its pairs, see neighbours"}


def _actual(scaling: AttributeScaling, scaled: BipartiteGraph, graph: BipartiteGraph, i: int) -> Values:
    """Return the attributes (n, C) in their units; the scaled ones may have the degree behind those of the data."""
    restored = scaling.restore(PARTS[i], scaled.x[i])  # type: ignore[arg-type]
    given = graph.x[i].astype(np.float64)
    return np.hstack([given, restored[:, given.shape[1] :]])


def _edges_by_node(ends: NDArray[np.int64], nodes: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the edges in the order of their nodes (E,), and where those of each node begin (n + 1,)."""
    return np.argsort(ends, kind="stable"), np.concatenate([[0], np.cumsum(np.bincount(ends, minlength=nodes))])
