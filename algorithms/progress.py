"""What is heard of a job while it runs: events for its supervisor, lines for its log."""

import json
import logging
import math
from collections.abc import Mapping
from typing import Any

from algorithms.events import EventStream

TRAINED_PERCENT = 90
"""Where the progress stands when the last epoch is done; exporting and scoring are the rest."""
LOGGED_EPOCHS = 20
"""At most so many epochs have a line in the log, the first and the last among them."""

logger = logging.getLogger(__name__)


def log_result(result: Mapping[str, Any]) -> None:
    """Log the notices, the threshold and the metrics of a result."""
    for notice in result["notices"]:
        logger.info("notice: %s", notice)
    logger.info("threshold: %s", json.dumps(result["threshold"]))
    logger.info("metrics: %s", json.dumps(result["metrics"]))


def report_epoch(
    events: EventStream,
    *,
    epoch: int,
    epochs: int,
    loss: float,
    rows_per_second: float,
    seconds_left: float,
    rows: str = "rows",
    said: str = "",
    **more: float | None,
) -> None:
    """Report a finished epoch; `more` goes into the event, `said` into the log, where `rows` is what is counted."""
    events.progress(
        final=epoch == epochs,
        percent=round(TRAINED_PERCENT * epoch / epochs, 1),
        epoch=epoch,
        epochs=epochs,
        loss=loss,
        **more,
        rows_per_second=round(rows_per_second),
        seconds_left=round(seconds_left, 1),
    )
    if _is_logged(epoch, epochs):
        logger.info("epoch %d of %d: loss %.6g%s, %.0f %s/s", epoch, epochs, loss, said, rows_per_second, rows)


def _is_logged(epoch: int, epochs: int) -> bool:
    every = math.ceil(epochs / (LOGGED_EPOCHS - 2)) if epochs > LOGGED_EPOCHS else 1
    return epoch in (1, epochs) or epoch % every == 0
