"""What is heard of a job while it runs: events for its supervisor, lines for its log."""

import json
import logging
import math
from collections.abc import Callable, Mapping
from typing import Any

from algorithms.autoencoder.training import Epoch
from algorithms.events import EventStream
from algorithms.tabular.table import Table
from algorithms.tabular.wording import listed

TRAINED_PERCENT = 90
"""Where the progress stands when the last epoch is done; exporting and scoring are the rest."""
LOGGED_EPOCHS = 20
"""At most so many epochs have a line in the log, the first and the last among them."""

logger = logging.getLogger(__name__)


def log_tables(tables: Mapping[str, Table]) -> None:
    """Log the rows and columns of each node."""
    for node, table in tables.items():
        columns = listed(f"{name} ({kind})" for name, kind in table.types.items())
        logger.info("%s has %d rows and %d columns: %s", node, table.rows, len(table.columns), columns)


def log_result(result: Mapping[str, Any]) -> None:
    """Log the notices, the threshold and the metrics of a result."""
    for notice in result["notices"]:
        logger.info("notice: %s", notice)
    logger.info("threshold: %s", json.dumps(result["threshold"]))
    logger.info("metrics: %s", json.dumps(result["metrics"]))


def report_epochs(events: EventStream) -> Callable[[Epoch], None]:
    """Return what is to be called with every finished epoch."""

    def report(epoch: Epoch) -> None:
        events.progress(
            final=epoch.epoch == epoch.epochs,
            percent=round(TRAINED_PERCENT * epoch.epoch / epoch.epochs, 1),
            epoch=epoch.epoch,
            epochs=epoch.epochs,
            loss=epoch.loss,
            val_loss=epoch.val_loss,
            rows_per_second=round(epoch.rows_per_second),
            seconds_left=round(epoch.seconds_left, 1),
        )
        if _is_logged(epoch):
            held_out = "" if epoch.val_loss is None else f", {epoch.val_loss:.6g} on held-out rows"
            logger.info(
                "epoch %d of %d: loss %.6g%s, %.0f rows/s",
                epoch.epoch, epoch.epochs, epoch.loss, held_out, epoch.rows_per_second,
            )  # fmt: skip

    return report


def _is_logged(epoch: Epoch) -> bool:
    every = math.ceil(epoch.epochs / (LOGGED_EPOCHS - 2)) if epoch.epochs > LOGGED_EPOCHS else 1
    return epoch.epoch in (1, epoch.epochs) or epoch.epoch % every == 0
