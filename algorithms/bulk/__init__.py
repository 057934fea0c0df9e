"""Scores for more rows than one process should hold: batches for Ray Data, Dask or Spark, and whole files.

Needs pyarrow, and neither TensorFlow nor torch. An artifact folder is all that it takes of a trained model.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from algorithms.bulk.batches import BatchScorer
    from algorithms.bulk.files import score_parquet

__all__ = ["BatchScorer", "score_parquet"]

_WHERE = {"BatchScorer": "algorithms.bulk.batches", "score_parquet": "algorithms.bulk.files"}


def __getattr__(name: str) -> Any:
    """Import on demand: the web process reads `algorithms.bulk.scored`, which must not bring pyarrow along."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_WHERE[name]), name)
