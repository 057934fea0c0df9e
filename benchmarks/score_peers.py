"""PyOD's AutoEncoder, as `benchmarks.score` measures it; run in a process of its own, it measures itself."""

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pyod.models.auto_encoder import AutoEncoder

from algorithms.bulk.columns import table_of_arrow
from algorithms.scorer import Scorer

HIDDEN = [200, 100]
EPOCHS = 2
LARGE_BATCH = 4096


def features(scorer: Scorer, path: Path, rows: int) -> NDArray[np.float32]:
    """Return the first rows of a file as our encoder spells them out, (rows, features)."""
    parts, count = [], 0
    for batch in pq.ParquetFile(path).iter_batches():
        table = table_of_arrow(pa.Table.from_batches([batch]), scorer.encoder)
        parts.append(scorer.encoder.transform(table).dense(scorer.encoder.layout))
        count += len(parts[-1])
        if count >= rows:
            break
    return np.concatenate(parts)[:rows]


def measure(artifact: Path, train: Path, table: Path, rows: int) -> list[dict[str, Any]]:
    """Fit a network of our widths; return what decision_function takes, in its own batches and in large ones."""
    scorer = Scorer.load(artifact)
    detector = AutoEncoder(hidden_neuron_list=HIDDEN, epoch_num=EPOCHS, batch_size=1024, random_state=0, verbose=0)
    detector.fit(features(scorer, train, pq.read_metadata(train).num_rows))
    detector.batch_size = AutoEncoder().batch_size
    given = features(scorer, table, rows)
    runs = []
    for batch in (None, LARGE_BATCH):
        began = time.perf_counter()
        detector.decision_function(given, batch_size=batch)
        seconds = time.perf_counter() - began
        runs.append(
            {
                "what": f"PyOD decision_function, batches of {batch or detector.batch_size}",
                "rows": rows,
                "rows_per_second": rows / seconds,
                "seconds": seconds,
                "peak_gigabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,
            }
        )
    return runs


if __name__ == "__main__":
    artifact, train, table = map(Path, sys.argv[1:4])
    print(json.dumps(measure(artifact, train, table, int(sys.argv[4]))))
