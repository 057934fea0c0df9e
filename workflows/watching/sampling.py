"""Which rows the log keeps (NNSERVICE_LOG_SAMPLE)."""

import zlib

from django.conf import settings


def is_sampled(row_id: str) -> bool:
    """Tell whether the log keeps a row: always the same answer for the same id."""
    share: float = settings.LOG_SAMPLE
    return share >= 1.0 or zlib.crc32(row_id.encode()) < share * 2**32
