"""The epochs of a training."""

from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from algorithms.graphbean.objective import EdgePrediction


@dataclass(frozen=True)
class Epoch:
    """One pass over the graph: the loss and its parts, the prediction of edges, and the seconds it took."""

    epoch: int
    loss: float
    u: float
    v: float
    e: float
    structure: float
    prediction: EdgePrediction
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        values = asdict(self)
        prediction: dict[str, float] = values.pop("prediction")
        return values | prediction


def packed(history: Sequence[Epoch]) -> NDArray[np.float64]:
    """Return epochs as rows (epochs, 10)."""
    rows = [(e.loss, e.u, e.v, e.e, e.structure, e.seconds, *astuple(e.prediction)) for e in history]
    return np.array(rows, np.float64)


def unpacked(rows: NDArray[np.float64]) -> list[Epoch]:
    """Return the epochs of rows (epochs, 10)."""
    return [
        Epoch(number, loss, u, v, e, structure, EdgePrediction(*prediction), seconds)
        for number, (loss, u, v, e, structure, seconds, *prediction) in enumerate(rows.tolist(), start=1)
    ]
