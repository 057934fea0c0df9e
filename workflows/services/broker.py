"""Is the broker there? Asked before a run is queued, so that a client hears 503 rather than waits."""

from celery import current_app
from kombu.exceptions import OperationalError as BrokerDown

from workflows.errors import Unavailable


def require_broker() -> None:
    """Raise Unavailable when no connection to the broker can be made."""
    try:
        with current_app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, interval_start=0.1, timeout=3)
    except (BrokerDown, OSError) as error:
        raise Unavailable(f"the message broker cannot be reached, nothing was queued; try again: {error}") from error
