"""Anomalies planted into a copy of a graph: dense blocks of nodes, with unusual attributes or without.

Source: Fathony, Ng, Chen, IJCNN 2023, doi:10.1109/IJCNN54540.2023.10191331, the second step of its experiments.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import truncnorm

from algorithms.errors import DataError
from algorithms.graphbean.graph import PARTS, BipartiteGraph, Parts
from algorithms.graphbean.params import InjectionParams

BLOCKS = ("full", "partial")
KINDS = ("outside", "noise", "none")
TARGETS = (("u", "v"), ("e",), PARTS)
"""What the weights of `InjectionParams` are for, in their order; targets are the parts whose attributes change."""


@dataclass(frozen=True, eq=False)
class Injected:
    """A graph with planted anomalies.

    Shapes:
        graph: the edges of the input in their order, then the E' - E planted ones
        labels: u (U,), v (V,), e (E',) int8, 1 for an anomaly; an edge of the input inside a block is one too
        origin: (E',) int64, the edge in the input, -1 for a planted one
    """

    graph: BipartiteGraph
    labels: Parts[NDArray[np.int8]]
    origin: NDArray[np.int64]


@dataclass(frozen=True)
class _Group:
    """Pairs (2, P) to connect, and how the attributes of which parts change."""

    pairs: NDArray[np.int64]
    kind: str
    target: Sequence[str]
    strength: float
    share: float


def inject_anomalies(graph: BipartiteGraph, params: InjectionParams, seed: int) -> Injected:
    """Plant `num_group` groups of anomalous u and v nodes; `params.seed`, if given, goes before `seed`.

    How many u and v a group has is drawn from a normal distribution around m with deviation √m, where m is the fewest
    plus half the most, within the range. All of them are connected (full block), or a share of the pairs drawn from
    N(0.5, 0.25) within [0.2, 1] is (partial block); nodes left without a pair then do not belong to the group. A new
    edge begins with the attributes of a random edge. Of the group's nodes, its edges, or both, the attributes then

    - lie outside the confidence interval: a share of them, N(0.3, 0.125) within [0.1, 0.9] and at least one, other ones
      in every row, is drawn anew from the two tails of the normal distribution beyond k deviations,
    - or get Gaussian noise of k deviations added,
    - or stay as they are,

    with k = max(2, N(3, 1)), and means and deviations of the graph as it is given; what does not vary in it, stays.

    Raises:
        DataError: a group may have more nodes than the graph has.
    """
    spans = _spans(graph, params)
    rng = np.random.default_rng(seed if params.seed is None else params.seed)
    groups = [_group(graph, params, spans, rng) for _ in range(params.num_group)]
    planted, origin = _connected(graph, np.concatenate([group.pairs for group in groups], axis=1), rng)
    means, deviations = graph.x.map(_mean), graph.x.map(_deviation)
    labels = planted.sizes.map(_no_labels)
    order = np.argsort(planted.keys)
    for group in groups:
        keys = group.pairs[0] * len(graph.x.v) + group.pairs[1]
        edges = order[np.searchsorted(planted.keys, keys, sorter=order)]
        members = Parts(np.unique(group.pairs[0]), np.unique(group.pairs[1]), edges)
        for part, rows in zip(PARTS, members, strict=True):
            getattr(labels, part)[rows] = 1
            if part in group.target:
                x, mean, deviation = (getattr(values, part) for values in (planted.x, means, deviations))
                _change(x, rows, mean, deviation, group, rng)
    return Injected(BipartiteGraph(planted.edge_index, planted.x), labels, origin)


def _spans(graph: BipartiteGraph, params: InjectionParams) -> tuple[tuple[int, int], tuple[int, int]]:
    spans = params.num_nodes_range, params.num_nodes_range2 or params.num_nodes_range
    errors = {}
    for name, side, (_, most), nodes in zip(
        ("num_nodes_range", "num_nodes_range2"), "uv", spans, graph.sizes[:2], strict=True
    ):
        if most > nodes:
            why = f"a group may have up to {most} {side} nodes, but the graph has {nodes}"
            errors[name] = [f"{why}: set its upper end to at most {nodes}"]
    if errors:
        raise DataError("; ".join(f"inject_anomalies: {name}: {why[0]}" for name, why in errors.items()), errors)
    return spans


def _group(
    graph: BipartiteGraph,
    params: InjectionParams,
    spans: tuple[tuple[int, int], tuple[int, int]],
    rng: np.random.Generator,
) -> _Group:
    block, kind, target = (
        _drawn(weights, rng) for weights in (params.block_weights, params.feature_weights, params.target_weights)
    )
    u, v = (_some(nodes, span, rng) for nodes, span in zip(graph.sizes[:2], spans, strict=True))
    pairs = np.stack([np.repeat(u, len(v)), np.tile(v, len(u))])
    if BLOCKS[block] == "partial":
        share = np.clip(rng.normal(0.5, 0.25), 0.2, 1.0)
        pairs = rng.choice(pairs, int(np.ceil(share * pairs.shape[1])), replace=False, axis=1)
    strength = max(2.0, rng.normal(3.0, 1.0))
    return _Group(pairs, KINDS[kind], TARGETS[target], strength, float(np.clip(rng.normal(0.3, 0.125), 0.1, 0.9)))


def _drawn(weights: Sequence[float], rng: np.random.Generator) -> int:
    return int(rng.choice(len(weights), p=np.array(weights) / sum(weights)))


def _some(nodes: int, span: tuple[int, int], rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw nodes of one side of a group."""
    middle = span[0] + span[1] / 2
    count = np.clip(round(rng.normal(middle, np.sqrt(middle))), *span)
    drawn: NDArray[np.int64] = rng.choice(nodes, count, replace=False)
    return drawn


def _connected(
    graph: BipartiteGraph, pairs: NDArray[np.int64], rng: np.random.Generator
) -> tuple[BipartiteGraph, NDArray[np.int64]]:
    """Return a copy of the graph with an edge for each pair (2, P), and which edge of the input (E',) each was."""
    new = np.setdiff1d(np.unique(pairs[0] * len(graph.x.v) + pairs[1]), graph.keys, assume_unique=True)
    alike = rng.choice(graph.edges, len(new), replace=len(new) > graph.edges)
    edge_index = np.concatenate([graph.edge_index, np.stack(np.divmod(new, len(graph.x.v)))], axis=1)
    x_e = np.concatenate([graph.x.e, graph.x.e[alike]])
    origin = np.concatenate([np.arange(graph.edges), np.full(len(new), -1)])
    return BipartiteGraph(edge_index, Parts(graph.x.u.copy(), graph.x.v.copy(), x_e)), origin


def _no_labels(size: int) -> NDArray[np.int8]:
    return np.zeros(size, np.int8)


def _mean(x: NDArray[Any]) -> NDArray[np.float64]:
    with np.errstate(over="ignore"):
        mean: NDArray[np.float64] = x.mean(axis=0, dtype=np.float64)
    return mean


def _deviation(x: NDArray[Any]) -> NDArray[np.float64]:
    """Return the standard deviation of each attribute, 0 where it is too large for a float."""
    with np.errstate(over="ignore", invalid="ignore"):
        deviation = x.std(axis=0, dtype=np.float64)
    return np.where(np.isfinite(deviation), deviation, 0.0)


def _change(
    x: NDArray[Any],
    rows: NDArray[np.int64],
    mean: NDArray[np.float64],
    deviation: NDArray[np.float64],
    group: _Group,
    rng: np.random.Generator,
) -> None:
    """Change the attributes x (n, in) of the group's rows (M,) in place."""
    if group.kind == "noise":
        x[rows] += rng.normal(size=(len(rows), x.shape[1])) * deviation * group.strength
    varying = np.flatnonzero(deviation)
    if group.kind == "outside" and len(varying):
        count = min(int(np.ceil(group.share * x.shape[1])), len(varying))
        columns = rng.permuted(np.tile(varying, (len(rows), 1)), axis=1)[:, :count]
        tails = truncnorm.rvs(group.strength, np.inf, size=columns.shape, random_state=rng)
        tails *= rng.choice((-1, 1), size=columns.shape)
        x[rows[:, None], columns] = mean[columns] + tails * deviation[columns]
