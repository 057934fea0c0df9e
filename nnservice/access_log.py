"""The web server's log, through the service's own logging."""

from collections.abc import Mapping
from typing import Any

from gunicorn import glogging

QUIET = ("/healthz", "/readyz", "/metrics")
"""Asked every few seconds by machines."""


class RequestLogger(glogging.Logger):  # type: ignore[misc]  # gunicorn carries no types
    """Sends gunicorn's logs, one line a request included, where the service's own go."""

    def setup(self, cfg: Any) -> None:
        """Leave handlers and formats to Django's LOGGING."""
        self.cfg = cfg
        self._access_log_enabled = True
        self.error_log.propagate = self.access_log.propagate = True

    def access(self, resp: Any, _req: Any, environ: Mapping[str, Any], request_time: Any) -> None:
        """Log a request that was answered: no query string, which may hold what is nobody's business."""
        path = str(environ.get("PATH_INFO", ""))
        if path in QUIET:
            return
        fields = {
            "method": environ.get("REQUEST_METHOD"),
            "path": path,
            "status": int(str(resp.status).partition(" ")[0]),
            "bytes": getattr(resp, "sent", None),
            "seconds": round(request_time.total_seconds(), 4),
            "request_id": next((value for name, value in resp.headers if name.lower() == "x-request-id"), "-"),
        }
        self.access_log.info("%(method)s %(path)r %(status)s %(bytes)s B %(seconds).3f s", fields, extra=fields)
