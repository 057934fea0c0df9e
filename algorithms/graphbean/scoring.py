"""From what the network failed to reconstruct to a score for every node and edge, and what made it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from algorithms.graphbean.graph import PARTS, Parts
from algorithms.graphbean.params import GraphBEANParams

STRUCTURE = "structure"
OF_EDGE, OF_U, OF_V = "edge: ", "u: ", "v: "
CHUNK = 2**18
"""Edges scored at once."""
EDGE_SHARE_OF_NODE = 0.5
"""Weight of its most anomalous edge in a node's collective score."""

Values = NDArray[np.float64]
EdgeIndex = NDArray[np.int64]
Aggregation = Literal["max", "mean", "sum"]


class Residuals(NamedTuple):
    """What was not reconstructed.

    Shapes:
        x: scaled attributes as reconstructed minus as given, u (U, in_u), v (V, in_v), e (E, in_e)
        surprise: (E,) -log of the probability of each edge, in nats
    """

    x: Parts[NDArray[Any]]
    surprise: NDArray[Any]


class GraphScores(NamedTuple):
    """Scores, the higher the more anomalous, and their parts, none negative, which sum to them.

    Shapes:
        scores: (U,), (V,), (E,)
        contributions: (U, columns), (V, columns), (E, columns), columns as `GraphScoring.columns` says
    """

    scores: Parts[Values]
    contributions: Parts[NDArray[np.float32]]


@dataclass(frozen=True)
class GraphScoring:
    """The rule that makes scores of residuals; every score is the sum of its contributions, none of them negative.

    reconstruction, the paper's: an edge scores `edge_weight` times the root of the mean squared error of its attributes
    plus `structure_weight` times its surprise; a node scores the error of its own plus the largest (or the mean, or the
    sum) of its edges' scores.

    collective: errors are Mahalanobis norms by the training graph's residuals (`whitening`, symmetric, so that each
    attribute keeps its share); a node scores its own plus half the largest of its edges' norms, an edge its own norm
    plus the smaller of its two ends' own. So an edge between two odd ends is odd, as in a dense block of colluders; the
    surprise is left out, for such a block's edges are easy to predict.

    Source: Fathony, Ng, Chen, IJCNN 2023, for reconstruction; collective is this project's own.
    """

    scoring: Literal["reconstruction", "collective"]
    aggregation: Aggregation
    edge_weight: float
    structure_weight: float
    whitening: Parts[Values] | None

    @classmethod
    def fit(cls, params: GraphBEANParams, residuals: Residuals) -> Self:
        """Take what the rule needs of the training graph's residuals."""
        collective = params.scoring == "collective"
        whitening = residuals.x.map(_whitening) if collective else None
        return cls(params.scoring, params.score_agg, params.xe_loss_weight, params.surprise_weight(), whitening)

    def columns(self, names: Parts[tuple[str, ...]]) -> Parts[tuple[str, ...]]:
        """Return the names of the contributions, given those of the scaled attributes."""
        if self.scoring == "collective":
            of_edges = names.e
            ends = tuple(OF_U + name for name in names.u) + tuple(OF_V + name for name in names.v)
            e = (*names.e, *ends)
        else:
            of_edges = (*names.e, STRUCTURE)
            e = of_edges
        brought = tuple(OF_EDGE + name for name in of_edges)
        return Parts((*names.u, *brought), (*names.v, *brought), e)

    def score(self, edge_index: EdgeIndex, residuals: Residuals) -> GraphScores:
        """Return the scores of a graph with the edges `edge_index` (2, E)."""
        u, v = (self._node_errors(part, residuals) for part in ("u", "v"))
        e, scores_e, brought = self._edges(u, v, edge_index, residuals)
        aggregation, weight = self.aggregation, 1.0
        if self.whitening is not None:
            aggregation, weight = "max", EDGE_SHARE_OF_NODE
        u = np.hstack([u, weight * _aggregate(e, brought, edge_index[0], len(u), aggregation)])
        v = np.hstack([v, weight * _aggregate(e, brought, edge_index[1], len(v), aggregation)])
        return GraphScores(Parts(u.sum(axis=1), v.sum(axis=1), scores_e), Parts(_narrowed(u), _narrowed(v), e))

    def _node_errors(self, part: Literal["u", "v"], residuals: Residuals) -> Values:
        """Return the parts (n, C), by attribute, of the nodes' own errors."""
        errors: NDArray[Any] = getattr(residuals.x, part)
        if self.whitening is None:
            return _rooted(errors.astype(np.float64), errors.shape[1])
        return _rooted(errors @ getattr(self.whitening, part), 1)

    def _edges(
        self, u: Values, v: Values, edge_index: EdgeIndex, residuals: Residuals
    ) -> tuple[NDArray[np.float32], Values, int]:
        """Return the contributions (E, columns) and scores (E,) of edges, and how many columns go into nodes.

        In float64 only some edges at a time.
        """
        edges, width = residuals.x.e.shape
        brought = width if self.whitening is not None else width + 1
        columns = width + u.shape[1] + v.shape[1] if self.whitening is not None else brought
        contributions, scores = np.empty((edges, columns), np.float32), np.empty(edges)
        for start in range(0, edges, CHUNK):
            rows = slice(start, start + CHUNK)
            errors = residuals.x.e[rows]
            if self.whitening is None:
                own = self.edge_weight * _rooted(errors.astype(np.float64), width)
                surprise = self.structure_weight * residuals.surprise[rows].astype(np.float64)
                parts = np.hstack([own, surprise[:, None]])
            else:
                own = _rooted(errors @ self.whitening.e, 1)
                parts = np.hstack([own, *_weaker_end(u, v, edge_index[:, rows])])
            contributions[rows], scores[rows] = _narrowed(parts), parts.sum(axis=1)
        return contributions, scores, brought

    def to_dict(self) -> dict[str, Any]:
        whitening = None
        if self.whitening is not None:
            whitening = {part: matrix.tolist() for part, matrix in zip(PARTS, self.whitening, strict=True)}
        return {
            "scoring": self.scoring,
            "aggregation": self.aggregation,
            "edge_weight": self.edge_weight,
            "structure_weight": self.structure_weight,
            "whitening": whitening,
        }

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        given = stored["whitening"]
        whitening = None if given is None else Parts(*(np.array(given[part]) for part in PARTS))
        return cls(**{**stored, "whitening": whitening})


def _narrowed(values: Values) -> NDArray[np.float32]:
    """Return values that are not negative as float32, its largest for those beyond it."""
    return np.minimum(values, np.finfo(np.float32).max).astype(np.float32)


def _rooted(errors: Values, count: int) -> Values:
    """Return the parts (n, C), by squared error, of the root of the sum of squares divided by `count`."""
    squares = np.square(errors)
    norm = np.sqrt(squares.sum(axis=1, keepdims=True))
    # Each square over the norm: they sum to the norm. Absurd errors are finite, so are their squares in float64.
    parts: Values = np.divide(squares, norm, out=squares, where=norm > 0)
    parts /= np.sqrt(count)
    return parts


def _whitening(residuals: NDArray[Any]) -> Values:
    """Return a symmetric matrix (C, C) that makes norms of residuals (n, C) Mahalanobis norms.

    It is the inverse square root of their second moments, over the root of the number of directions that vary, so that
    the norms' mean square is 1 whatever C is. A direction without variance keeps its unit: to vary there is odd.
    """
    moments = np.zeros((residuals.shape[1], residuals.shape[1]))
    for start in range(0, len(residuals), CHUNK):
        part = residuals[start : start + CHUNK].astype(np.float64)
        moments += part.T @ part
    variances, directions = np.linalg.eigh(moments / max(1, len(residuals)))
    vary = variances > 1e-9 * max(variances.max(initial=0.0), np.finfo(np.float64).tiny)
    inverse = np.divide(1.0, np.sqrt(np.maximum(variances, 0.0)), out=np.ones_like(variances), where=vary)
    varying = max(1, int(np.count_nonzero(vary)))
    matrix: Values = (directions * inverse) @ directions.T / float(np.sqrt(varying))
    return matrix


def _weaker_end(u: Values, v: Values, edge_index: EdgeIndex) -> tuple[Values, Values]:
    """Return for each edge the parts of its end that scores less, in the columns of that end, zeros in the other's."""
    at_u, at_v = u[edge_index[0]], v[edge_index[1]]
    u_is_less = (at_u.sum(axis=1) <= at_v.sum(axis=1))[:, None]
    return at_u * u_is_less, at_v * ~u_is_less


def _aggregate(
    edges: NDArray[np.float32], brought: int, ends: NDArray[np.int64], nodes: int, aggregation: Aggregation
) -> Values:
    """Return what the first columns of edges (E, columns) bring to their `ends` (E,): (nodes, brought).

    The maximum is the edge with the largest sum, of equal ones the first. A node without edges is brought zeros.
    """
    collected = np.zeros((nodes, brought))
    if not len(edges):
        return collected
    if aggregation == "max":
        order = np.lexsort((-edges[:, :brought].sum(axis=1, dtype=np.float64), ends))
        found, starts = np.unique(ends[order], return_index=True)
        collected[found] = edges[order[starts], :brought]
        return collected
    order = np.argsort(ends, kind="stable")
    found, starts = np.unique(ends[order], return_index=True)
    collected[found] = np.add.reduceat(edges[order, :brought], starts, axis=0, dtype=np.float64)
    if aggregation == "mean":
        collected[found] /= np.diff(np.append(starts, len(ends)))[:, None]
    return collected
