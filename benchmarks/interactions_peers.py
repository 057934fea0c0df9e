"""The aggregations that `benchmarks.interactions` compares; run in a process of its own, one measures itself.

Each reads the Parquet file, then turns it into ids, edges (2, E) and the attributes of u, v and edges, sorted by id.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

OURS = "numpy, this product"
U, V, IDS, AMOUNTS = "buyer", "seller", ["order", "shop"], ["amount", "weight"]


class Made(NamedTuple):
    """A graph: edges (2, E), and the attributes of u, v and edges in the product's order."""

    edge_index: NDArray[np.int64]
    attributes: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


def read_ours(path: Path) -> Any:
    import pyarrow.parquet as pq

    import algorithms.graphbean.encoder
    import algorithms.graphbean.reading  # noqa: F401  no import is timed

    return pq.read_table(path)


def make_ours(table: Any) -> Made:
    from algorithms.graphbean.encoder import GraphEncoder
    from algorithms.graphbean.interactions import Interactions
    from algorithms.graphbean.memory import keep_freed_memory
    from algorithms.graphbean.params import GraphFeederParams
    from algorithms.graphbean.reading import coded_of_arrow

    keep_freed_memory()  # as the training process does
    coded = {name: coded_of_arrow(table.column(name)) for name in (U, V, *IDS)}
    numbers = {name: table.column(name).to_numpy() for name in AMOUNTS}
    interactions = Interactions(table.num_rows, coded, numbers)
    feeder = GraphFeederParams(u_column=U, v_column=V, count_distinct=IDS, numeric_columns=AMOUNTS)
    graph = GraphEncoder.fit(interactions, feeder).graph(interactions).graph
    return Made(graph.edge_index, tuple(graph.x))


def read_pandas(path: Path) -> Any:
    import pandas as pd

    return pd.read_parquet(path)


def make_pandas(frame: Any) -> Made:
    kept = frame.dropna(subset=[U, V])

    def attributes(keys: str | list[str], partner: list[str]) -> Any:
        groups = kept.groupby(keys)
        counted = groups[[*partner, *IDS]].nunique()
        summed = groups[AMOUNTS].agg(["sum", "mean"]).fillna(0)
        return counted.index, np.concatenate([counted.to_numpy(np.float64), summed.to_numpy(np.float64)], axis=1)

    (u_ids, u), (v_ids, v), (pairs, e) = attributes(U, [V]), attributes(V, [U]), attributes([U, V], [])
    ends = (u_ids.get_indexer(pairs.get_level_values(0)), v_ids.get_indexer(pairs.get_level_values(1)))
    return Made(np.stack(ends).astype(np.int64), (u, v, e))


def read_polars(path: Path) -> Any:
    import polars as pl

    return pl.read_parquet(path)


def make_polars(frame: Any) -> Made:
    import polars as pl

    kept = frame.lazy().drop_nulls([U, V])
    # Missing ids are not counted, missing numbers are in neither sum nor mean.
    shared = [pl.col(name).drop_nulls().n_unique().alias(f"distinct {name}") for name in IDS]
    for name in AMOUNTS:
        shared += [pl.col(name).sum().alias(f"sum {name}"), pl.col(name).mean().fill_null(0).alias(f"mean {name}")]
    nodes = [
        kept.group_by(one).agg(pl.col(other).n_unique().alias("partners"), *shared).with_row_index(f"{one} node")
        for one, other in ((U, V), (V, U))
    ]
    edges = kept.group_by(U, V).agg(shared)
    u, v, e = pl.collect_all([*nodes, edges])
    e = e.join(u.select(U, f"{U} node"), on=U).join(v.select(V, f"{V} node"), on=V)
    parts = (part.drop(U, V, f"{U} node", f"{V} node", strict=False).to_numpy() for part in (u, v, e))
    return Made(e.select(f"{U} node", f"{V} node").to_numpy().T.astype(np.int64), tuple(parts))


PEERS: Mapping[str, tuple[Callable[[Path], Any], Callable[[Any], Made]]] = {
    OURS: (read_ours, make_ours),
    "pandas groupby": (read_pandas, make_pandas),
    "Polars group_by": (read_polars, make_polars),
}


def _megabytes(field: str) -> float:
    """Return VmRSS (now) or VmHWM (highest since the start) of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(field)).split()[1]) / 1024


def main(peer: str, path: str) -> None:
    """Read the file and make the graph; print its cost, without that of the table, and what tells it from another."""
    read, make = PEERS[peer]
    table = read(Path(path))
    Path("/proc/self/clear_refs").write_text("5")  # the highest memory is that of now
    before = _megabytes("VmRSS")
    began, busy = time.perf_counter(), time.process_time()
    made = make(table)
    measured = {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - busy}
    measured["extra_megabytes"] = _megabytes("VmHWM") - before
    sums = [part.sum(axis=0).tolist() for part in made.attributes]
    sizes = [*map(len, made.attributes), int(made.edge_index.shape[1])]
    degrees = [int(np.bincount(ends).max()) for ends in made.edge_index]
    graph = {"sizes": sizes, "degrees": degrees, "sums": sums}
    print(json.dumps({**measured, "graph": graph}))


if __name__ == "__main__":
    main(*sys.argv[1:])
