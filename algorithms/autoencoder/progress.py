"""What is heard of an autoencoder's job while it runs."""

import logging
from collections.abc import Callable, Mapping

from algorithms.autoencoder.training import Epoch
from algorithms.events import EventStream
from algorithms.progress import report_epoch
from algorithms.tabular.source import TableSource
from algorithms.tabular.wording import listed

logger = logging.getLogger(__name__)


def log_tables(tables: Mapping[str, TableSource]) -> None:
    """Log the rows and columns of each node."""
    for node, table in tables.items():
        columns = listed(f"{name} ({kind})" for name, kind in table.types.items())
        logger.info("%s has %d rows and %d columns: %s", node, table.rows, len(table.columns), columns)


def report_epochs(events: EventStream) -> Callable[[Epoch], None]:
    """Return what is to be called with every finished epoch."""

    def report(epoch: Epoch) -> None:
        report_epoch(
            events,
            epoch=epoch.epoch,
            epochs=epoch.epochs,
            loss=epoch.loss,
            rows_per_second=epoch.rows_per_second,
            seconds_left=epoch.seconds_left,
            said="" if epoch.val_loss is None else f", {epoch.val_loss:.6g} on held-out rows",
            val_loss=epoch.val_loss,
        )

    return report
