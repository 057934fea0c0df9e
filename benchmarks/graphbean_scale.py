"""GraphBEAN at scale: edges per second and peak memory of sampled training, beside full batch where that fits."""

import argparse
import multiprocessing
import os
import resource
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import numpy as np

from algorithms.graphbean.graph import BipartiteGraph, Parts
from benchmarks.report import machine, parser, print_table, write_json

NODE_ATTRIBUTES, EDGE_ATTRIBUTES = 5, 12
EDGES_OF_U, EDGES_OF_V = 5, 25
CHUNK = 2**18
COLUMNS = {
    "training": "training",
    "edges": "edges",
    "fan_out": "fan-out",
    "seconds_an_epoch": "s an epoch",
    "trained_edges_per_second": "trained edges/s",
    "scored_edges_per_second": "scored edges/s",
    "graph_gibibytes": "GiB before",
    "peak_gibibytes": "peak GiB",
}


def main(argv: Sequence[str]) -> None:
    """Generate a graph, train on it for an epoch, score all of its nodes and edges; each in a process of its own.

    The graph has 12 attributes of edges and 5 of nodes, in float64 as uploaded data have; on average 5 edges at each u
    and 25 at each v, a few nodes having thousands. Peak memory is that of the whole process, libraries, the graph and
    its generation included; before the detector starts it has reached "GiB before". Scoring is chunked.
    """
    arguments = parser("graphbean_scale", f"{__doc__}\n\n{main.__doc__}")
    arguments.add_argument("--edges", type=int, default=5_000_000, help="of the sampled training (default 5,000,000)")
    arguments.add_argument("--full-edges", type=int, default=1_000_000, help="of the full batch (default 1,000,000)")
    arguments.add_argument("--threads", type=int, default=2, help="default 2")
    arguments.add_argument(
        "--fan-out", type=_fan_out, action="append", help="edges sampled at a node by hop, as 10 or 5,3; default: 10"
    )
    options = arguments.parse_args(argv)
    described = machine()
    sampled = [{"training": "sampled", "fan_out": fan_out} for fan_out in options.fan_out or [(10,)]]
    results = [
        _apart(edges, options.threads, **settings)
        for edges, settings in (
            *((options.edges, settings) for settings in sampled),
            *((options.full_edges, settings) for settings in (sampled[0], {"training": "full"})),
        )
    ]
    print(f"{options.threads} threads, batches of 4,096 seed edges\n")
    print_table(list(COLUMNS.values()), [[result[name] for name in COLUMNS] for result in results])
    write_json(options.json, "graphbean_scale", described, {"threads": options.threads, "runs": results})


def measure(edges: int, threads: int, training: str, fan_out: tuple[int, ...] | None = None) -> dict[str, Any]:
    """Train and score in this process; return what it took."""
    from algorithms.graphbean.detector import GraphBEANDetector
    from algorithms.graphbean.memory import keep_freed_memory
    from algorithms.graphbean.params import GraphBEANParams

    keep_freed_memory()  # as the training process does
    chosen = {} if fan_out is None else {"num_neighbors_u": fan_out, "num_neighbors_v": fan_out}
    params = GraphBEANParams.model_validate({"training": training, "iter": 1, **chosen})
    graph = skewed_graph(edges)
    before = _peak_gibibytes()
    detector = GraphBEANDetector(params, threads=threads, device="cpu").fit(graph)
    seconds = detector.history_[0].seconds
    return {
        "training": training,
        "edges": edges,
        "u": graph.sizes.u,
        "v": graph.sizes.v,
        "fan_out": "-" if fan_out is None else ", ".join(map(str, fan_out)),
        "seconds_an_epoch": seconds,
        "trained_edges_per_second": edges / seconds,
        "scored_edges_per_second": edges / detector.seconds_["score"],
        "seconds": detector.seconds_,
        "loss": detector.history_[0].loss,
        "graph_gibibytes": before,
        "peak_gibibytes": _peak_gibibytes(),
    }


def skewed_graph(edges: int, seed: int = 0) -> BipartiteGraph:
    """Return a graph whose nodes differ much in their degrees and whose attributes have something to be learned."""
    rng = np.random.default_rng(seed)
    nodes_u, nodes_v = max(2, edges // EDGES_OF_U), max(2, edges // EDGES_OF_V)
    keys = np.zeros(0, np.int64)
    while len(keys) < edges:
        more = edges // 4 + edges - len(keys)
        # The density is highest at the node 0, where it has a pole.
        u, v = ((nodes * rng.random(more) ** 2).astype(np.int64) for nodes in (nodes_u, nodes_v))
        keys = np.sort(np.concatenate([keys, u * nodes_v + v]))
        keys = keys[np.append(True, keys[1:] != keys[:-1])]
    keep = np.ones(len(keys), np.bool_)
    keep[rng.choice(len(keys), len(keys) - edges, replace=False)] = False
    edge_index = np.stack(np.divmod(keys[keep], nodes_v))
    x_u, x_v = (rng.standard_normal((nodes, NODE_ATTRIBUTES)) for nodes in (nodes_u, nodes_v))
    mixing = rng.standard_normal((2 * NODE_ATTRIBUTES, EDGE_ATTRIBUTES))
    x_e = rng.standard_normal((edges, EDGE_ATTRIBUTES))
    for start in range(0, edges, CHUNK):
        u, v = edge_index[:, start : start + CHUNK]
        x_e[start : start + CHUNK] += np.hstack([x_u[u], x_v[v]]) @ mixing
    return BipartiteGraph(edge_index, Parts(x_u, x_v, x_e))


def _apart(edges: int, threads: int, **settings: Any) -> dict[str, Any]:
    os.environ["OMP_WAIT_POLICY"] = "PASSIVE"  # as the training process has it
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as process:
        return process.submit(measure, edges, threads, **settings).result()


def _peak_gibibytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def _fan_out(text: str) -> tuple[int, ...]:
    try:
        return tuple(map(int, text.split(",")))
    except ValueError:
        raise argparse.ArgumentTypeError("give numbers such as 10 or 5,3") from None


if __name__ == "__main__":
    import sys

    main(sys.argv[1:])
