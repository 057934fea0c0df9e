"""Score a folder of Parquet files with Ray Data, on this machine or on a cluster.

    python -m examples.score_with_ray ARTIFACT SOURCE TARGET

ARTIFACT is the folder of a trained model, SOURCE the folder with the rows, TARGET the folder for the scored ones. Every
process of a cluster must reach all three under the same path. Ray is an extra: pip install "ray[data]".
"""

import argparse
import os
from pathlib import Path

# Read when Ray is imported: nothing about this run is sent to anyone.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

import ray
import ray.data

import algorithms
from algorithms.bulk import BatchScorer


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m examples.score_with_ray", description=__doc__.split("\n")[0])
    parser.add_argument("artifact", type=Path, help="folder of a trained model")
    parser.add_argument("source", type=Path, help="folder of Parquet files")
    parser.add_argument("target", type=Path, help="folder for the scored rows, empty or not there")
    parser.add_argument("--address", help="of a Ray cluster; without it, one is started here for this program")
    parser.add_argument("--cpus", type=int, help="of this machine, without --address (default: all)")
    options = parser.parse_args()
    if options.target.exists() and any(options.target.iterdir()):
        parser.error(f"{options.target} is not empty, and Ray would add rows to it: remove it, or give another folder")

    if options.address:
        ray.init(address=options.address, runtime_env={"py_modules": [algorithms]})
    else:
        ray.init(num_cpus=options.cpus, include_dashboard=False)
    rows = ray.data.read_parquet(str(options.source.resolve()))
    scored = rows.map_batches(BatchScorer(options.artifact.resolve()), batch_format="pyarrow")
    scored.write_parquet(str(options.target.resolve()))
    ray.shutdown()


if __name__ == "__main__":
    main()
