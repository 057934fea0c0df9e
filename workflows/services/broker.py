"""Is the broker there, and does a message wait? Asked before a run is queued: a client hears 503 rather than waits."""

import logging

from celery import current_app
from kombu.exceptions import OperationalError as BrokerDown
from redis.exceptions import RedisError

from workflows.errors import Unavailable

logger = logging.getLogger(__name__)

BROKER_DOWN = (BrokerDown, RedisError, OSError)


def require_broker() -> None:
    """Raise Unavailable when no connection to the broker can be made."""
    try:
        with current_app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, interval_start=0.1, timeout=3)
    except BROKER_DOWN as error:
        logger.warning("the broker failed: %s", error)  # it names hosts, which are nobody's business
        raise Unavailable("the message broker cannot be reached, nothing was queued; try again") from error


def waiting_messages(queue: str) -> int:
    """Return how many messages of a queue no worker has taken; raise Unavailable when the broker is down."""
    try:
        with current_app.connection_for_read() as connection:
            return int(connection.default_channel.queue_declare(queue).message_count)
    except BROKER_DOWN as error:
        logger.warning("the broker failed: %s", error)
        raise Unavailable("the message broker cannot be reached; try again") from error
