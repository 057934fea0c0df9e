"""Is the broker there, and does a message wait? Asked before a run is queued: a client hears 503 rather than waits."""

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


def waiting_messages(queue: str) -> int:
    """Return how many messages of a queue no worker has taken; raise Unavailable when the broker is down."""
    try:
        with current_app.connection_for_read() as connection:
            return int(connection.default_channel.queue_declare(queue).message_count)
    except (BrokerDown, OSError) as error:
        raise Unavailable(f"the message broker cannot be reached; try again: {error}") from error
