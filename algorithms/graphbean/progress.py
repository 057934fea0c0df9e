"""What is heard of a GraphBEAN job while it trains."""

from collections.abc import Callable

from algorithms.events import EventStream
from algorithms.graphbean.graph import PARTS
from algorithms.graphbean.history import Epoch
from algorithms.progress import report_epoch


def report_epochs(events: EventStream, edges: int, epochs: int) -> Callable[[Epoch], None]:
    """Return what is to be called with every finished epoch of a training on so many edges."""
    spent, heard = 0.0, 0

    def report(epoch: Epoch) -> None:
        nonlocal spent, heard
        spent += epoch.seconds
        heard += 1  # fewer than there were, when the training goes on from a checkpoint
        parts = {part: getattr(epoch, part) for part in (*PARTS, "structure")}
        report_epoch(
            events,
            epoch=epoch.epoch,
            epochs=epochs,
            loss=epoch.loss,
            rows_per_second=edges / epoch.seconds,
            seconds_left=(epochs - epoch.epoch) * spent / heard,
            rows="edges",
            said=" (" + ", ".join(f"{name} {value:.6g}" for name, value in parts.items()) + ")",
            **parts,
        )

    return report
