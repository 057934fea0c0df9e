"""Where uploads and artifacts are kept, as the people who run the service see it."""

import uuid
from pathlib import Path

from django.conf import settings


def try_storage() -> None:
    """Write, read and remove a small file; raise OSError when that fails."""
    probe = Path(settings.FILES_ROOT) / f".probe-{uuid.uuid4().hex}"
    try:
        probe.write_bytes(b"nnservice")
    finally:
        probe.unlink(missing_ok=True)
