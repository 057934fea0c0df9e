"""Scores for more rows than one process should hold: batches for Ray Data, Dask or Spark, and whole Parquet files.

Needs pyarrow, and neither TensorFlow nor torch. An artifact folder is all that it takes of a trained model.
"""

from algorithms.bulk.batches import BatchScorer
from algorithms.bulk.files import score_parquet

__all__ = ["BatchScorer", "score_parquet"]
